import { dashboard, explore, link, type Panel, PROMETHEUS, type Query } from './page.ts';
import { errorRatio, type Slo } from './rules.ts';

const FAILURES = 'UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS';

const one = (expr: string, legend = ''): readonly Query[] => [{ expr, legend }];
const quantile = (share: number, selector: string, by: string) =>
  `histogram_quantile(${share}, sum by (le, ${by}) (rate(rpc_server_call_duration_bucket${selector}[5m])))`;

const SERVICE = '{rpc_method=~"weft.$service.v1.+"}';
/** Of its processes in a cluster, where a target is a pod of one service; of the one process where all are in it. */
const PROCESS = '{service=~"$service|"}';
const ofService = (labels: string) => `{rpc_method=~"weft.$service.v1.+",${labels}}`;

/** By their name; each is a file for Grafana's provisioning. */
export function dashboards(slos: readonly Slo[]): Record<string, object> {
  const burns = slos.map((slo): Panel => {
    const budget = Number((1 - slo.objective).toFixed(6));
    return {
      title: `${slo.description}: budget burnt, 1 is as fast as may be`,
      queries: [
        { expr: `(${errorRatio(slo, '1h')}) / ${budget}`, legend: 'over 1 h' },
        { expr: `(${errorRatio(slo, '6h')}) / ${budget}`, legend: 'over 6 h' },
      ],
    };
  });
  const published = (type: string) =>
    `sum(rate(weft_events_published_total{messaging_destination_name=~"${type}"}[5m]))`;
  const services = {
    name: 'service',
    type: 'query',
    datasource: PROMETHEUS,
    query: 'label_values(service:calls:rate5m, service)',
    refresh: 2,
  };
  return {
    overview: dashboard('overview', 'overview', [
      {
        title: 'Alerts that fire (each has its runbook: link "alerts" above)',
        queries: one(
          'sum by (alertname, severity, slo) (ALERTS{alertstate="firing"})',
          '{{severity}} {{alertname}} {{slo}}',
        ),
      },
      ...burns,
      { title: 'Calls a second, by service', unit: 'reqps', queries: one('service:calls:rate5m', '{{service}}') },
      {
        title: 'Share of calls that fail, by service',
        unit: 'percentunit',
        queries: one('(service:failures:rate5m or 0 * service:calls:rate5m) / service:calls:rate5m', '{{service}}'),
      },
      {
        title: 'Orders by how they ended, a second',
        queries: ['completed', 'rejected', 'cancelled'].map((end) => ({
          expr: published(`weft.orders.v1.order_${end}`),
          legend: end,
        })),
      },
      {
        title: 'Money captured an hour, minor units',
        queries: one('sum by (weft_currency) (increase(weft_payments_captured_total[1h]))', '{{weft_currency}}'),
      },
    ]),
    service: dashboard(
      'service',
      'one service',
      [
        {
          title: 'Calls a second, by method',
          unit: 'reqps',
          queries: one(`sum by (rpc_method) (rate(rpc_server_call_duration_count${SERVICE}[5m]))`, '{{rpc_method}}'),
        },
        {
          title: 'Failures a second, by method, code and version',
          unit: 'reqps',
          queries: one(
            `sum by (rpc_method, rpc_response_status_code, service_version) (rate(rpc_server_call_duration_count${ofService(`rpc_response_status_code=~"${FAILURES}"`)}[5m]))`,
            '{{rpc_method}} {{rpc_response_status_code}} {{service_version}}',
          ),
        },
        { title: 'Median, by method', unit: 's', queries: one(quantile(0.5, SERVICE, 'rpc_method'), '{{rpc_method}}') },
        {
          title: '99th percentile, by method and version',
          unit: 's',
          queries: one(quantile(0.99, SERVICE, 'rpc_method, service_version'), '{{rpc_method}} {{service_version}}'),
        },
        {
          title: 'Calls in flight',
          queries: one('sum(weft_rpc_server_in_flight{service_name="$service"})', 'in flight'),
        },
        {
          title: 'Connections to the database',
          queries: [
            {
              expr: 'sum by (db_client_connection_state) (db_client_connection_count{db_client_connection_pool_name="$service"})',
              legend: '{{db_client_connection_state}}',
            },
            {
              expr: 'sum(db_client_connection_pending_requests{db_client_connection_pool_name="$service"})',
              legend: 'waiting',
            },
          ],
        },
        {
          title: 'Event loop: 99th percentile of its delay',
          unit: 's',
          queries: one(`nodejs_eventloop_delay_p99${PROCESS}`, '{{instance}}'),
        },
        {
          title: 'Collections, share of the time',
          unit: 'percentunit',
          queries: one(`rate(v8js_gc_duration_sum${PROCESS}[5m])`, '{{instance}} {{v8js_gc_type}}'),
        },
        { title: 'Memory', unit: 'bytes', queries: one(`process_memory_usage${PROCESS}`, '{{instance}}') },
        {
          title: 'CPU',
          queries: one(`sum by (instance) (rate(process_cpu_time_total${PROCESS}[5m]))`, '{{instance}}'),
        },
        {
          title: 'Its lines of warning and above',
          type: 'logs',
          queries: one('{service_namespace="weft",service_name="$service"} | json | level=~"warn|error"'),
        },
      ],
      {
        variables: [services],
        links: [
          link('its traces', explore('jaeger', { queryType: 'search', service: '$service' })),
          link('its failures', explore('jaeger', { queryType: 'search', service: '$service', tags: 'error=true' })),
          link('its lines', explore('loki', { expr: '{service_namespace="weft",service_name="$service"}' })),
        ],
      },
    ),
    sagas: dashboard('sagas', 'sagas', [
      {
        title: 'Open sagas',
        queries: one(
          'sum by (weft_saga_kind, weft_saga_state) (weft_saga_open)',
          '{{weft_saga_kind}} {{weft_saga_state}}',
        ),
      },
      {
        title: 'Age of the oldest',
        unit: 's',
        queries: one(
          'max by (weft_saga_kind, weft_saga_state) (weft_saga_age)',
          '{{weft_saga_kind}} {{weft_saga_state}}',
        ),
      },
      {
        title: 'Sagas that ended, a second',
        queries: ['completed', 'compensated'].map((end) => ({
          expr: published(`weft.checkout.v1.saga_${end}`),
          legend: end,
        })),
      },
      {
        title: 'Sagas that stalled',
        queries: one(
          'sum(increase(weft_events_published_total{messaging_destination_name="weft.checkout.v1.saga_stalled"}[1h]))',
          'stalled',
        ),
      },
      {
        title: 'Calls of checkout that failed, a second',
        queries: one(
          'sum by (rpc_method, rpc_response_status_code) (rate(rpc_client_call_duration_count{rpc_response_status_code!="OK"}[5m]))',
          '{{rpc_method}} {{rpc_response_status_code}}',
        ),
      },
    ]),
    events: dashboard('events', 'events', [
      {
        title: 'Events published a second',
        queries: one(
          'sum by (messaging_destination_name) (rate(weft_events_published_total[5m]))',
          '{{messaging_destination_name}}',
        ),
      },
      {
        title: 'Outbox: age of the oldest event',
        unit: 's',
        queries: one('max by (service_name) (weft_outbox_age)', '{{service_name}}'),
      },
      { title: 'Outbox: events', queries: one('sum by (service_name) (weft_outbox_backlog)', '{{service_name}}') },
      {
        title: 'Consumers: events still to handle',
        queries: one('max by (messaging_consumer_group_name) (weft_consumer_lag)', '{{messaging_consumer_group_name}}'),
      },
      {
        title: 'Consumers: deliveries a second',
        queries: one(
          'sum by (messaging_consumer_group_name, outcome) (rate(weft_consumer_deliveries_total[5m]))',
          '{{messaging_consumer_group_name}} {{outcome}}',
        ),
      },
      {
        title: 'Consumers: redeliveries a second',
        queries: one(
          'sum by (messaging_consumer_group_name) (rate(weft_consumer_redeliveries_total[5m]))',
          '{{messaging_consumer_group_name}}',
        ),
      },
      {
        title: 'Dead letters',
        queries: one(
          'max by (messaging_consumer_group_name) (weft_consumer_dead_letters)',
          '{{messaging_consumer_group_name}}',
        ),
      },
      { title: 'Audit: age of what is recorded', unit: 's', queries: one('max(weft_audit_age)', 'age') },
    ]),
    mesh: dashboard('mesh', 'mesh', [
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
    ]),
  };
}
