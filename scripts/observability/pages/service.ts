import { dashboard, explore, link, one, PROMETHEUS } from '../page.ts';
import { FAILURES } from '../rules.ts';

const quantile = (share: number, by: string) =>
  `histogram_quantile(${share}, sum by (le, ${by}) (rate(rpc_server_call_duration_bucket${SERVICE}[5m])))`;

const SERVICE = '{service_name="$service"}';
/** Of its processes in a cluster, where a target is a pod of one service; of the one process where all are in it. */
const PROCESS = '{service=~"$service|"}';
const services = {
  name: 'service',
  type: 'query',
  datasource: PROMETHEUS,
  query: 'label_values(service:calls:rate5m, service_name)',
  refresh: 2,
};

export const servicePage = () =>
  dashboard(
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
          `sum by (rpc_method, rpc_response_status_code, service_version) (rate(rpc_server_call_duration_count{service_name="$service",rpc_response_status_code=~"${FAILURES}"}[5m]))`,
          '{{rpc_method}} {{rpc_response_status_code}} {{service_version}}',
        ),
      },
      { title: 'Median, by method', unit: 's', queries: one(quantile(0.5, 'rpc_method'), '{{rpc_method}}') },
      {
        title: '99th percentile, by method and version',
        unit: 's',
        queries: one(quantile(0.99, 'rpc_method, service_version'), '{{rpc_method}} {{service_version}}'),
      },
      {
        title: 'Calls in flight',
        queries: one('sum(weft_rpc_server_in_flight{service_name="$service"})', 'in flight'),
      },
      {
        title: 'Not ready, and dependencies that are down',
        queries: [
          { expr: '1 - min(weft_service_ready{service_name="$service"})', legend: 'not ready' },
          { expr: '1 - min by (dependency) (weft_dependency_up{service_name="$service"})', legend: '{{dependency}}' },
        ],
      },
      {
        title: 'Connections of its processes',
        queries: one(`sum by (direction) (weft_process_connections${PROCESS})`, '{{direction}}'),
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
      {
        title: 'Spans lost a second, by cause',
        queries: one(
          `sum by (instance, error_type) (rate(otel_sdk_processor_span_processed_total{service=~"$service|",error_type!=""}[5m]))`,
          '{{instance}} {{error_type}}',
        ),
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
  );
