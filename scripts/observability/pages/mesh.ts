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
      title: 'Refusals a second: what sidecars saw beyond what services count themselves, the mesh refused',
      unit: 'reqps',
      queries: [
        {
          expr: 'sum by (destination_workload, response_code) (rate(istio_requests_total{reporter="destination",response_code=~"401|403"}[5m]))',
          legend: '{{destination_workload}} {{response_code}} (sidecar)',
        },
        {
          // To a gRPC call Envoy answers 200, and refuses it in the trailer: 7 PERMISSION_DENIED, 16 UNAUTHENTICATED.
          expr: 'sum by (destination_workload, grpc_response_status) (rate(istio_requests_total{reporter="destination",grpc_response_status=~"7|16"}[5m]))',
          legend: '{{destination_workload}} gRPC {{grpc_response_status}} (sidecar)',
        },
        {
          expr: 'sum by (service_name, rpc_response_status_code) (rate(rpc_server_call_duration_count{rpc_response_status_code=~"PERMISSION_DENIED|UNAUTHENTICATED"}[5m]))',
          legend: '{{service_name}} {{rpc_response_status_code}} (itself)',
        },
      ],
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
