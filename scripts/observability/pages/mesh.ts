import { dashboard, one } from '../page.ts';

export const meshPage = () =>
  dashboard('mesh', 'mesh', [
    {
      title: 'Requests a second between workloads',
      unit: 'reqps',
      queries: one(
        'sum by (source_workload, destination_workload) (rate(istio_requests_total{reporter="destination"}[5m]))',
        '{{source_workload}} to {{destination_workload}}',
      ),
    },
    {
      title: 'Answers that were refused by the mesh, a second',
      unit: 'reqps',
      queries: one(
        'sum by (destination_workload, response_code) (rate(istio_requests_total{reporter="destination",response_code=~"403|401"}[5m]))',
        '{{destination_workload}} {{response_code}}',
      ),
    },
    {
      title: '99th percentile as the sidecars saw it',
      unit: 'ms',
      queries: one(
        'histogram_quantile(0.99, sum by (le, destination_workload) (rate(istio_request_duration_milliseconds_bucket{reporter="destination"}[5m])))',
        '{{destination_workload}}',
      ),
    },
    {
      title: 'Share of connections with mutual TLS',
      unit: 'percentunit',
      queries: one(
        'sum(rate(istio_requests_total{connection_security_policy="mutual_tls"}[5m])) / sum(rate(istio_requests_total{reporter="destination"}[5m]))',
        'mutual TLS',
      ),
    },
    {
      title: 'Retries a second',
      unit: 'reqps',
      queries: one('sum by (cluster_name) (rate(envoy_cluster_upstream_rq_retry[5m]))', '{{cluster_name}}'),
    },
  ]);
