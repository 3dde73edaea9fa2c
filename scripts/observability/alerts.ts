export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly wait: string;
  readonly severity: string;
  readonly summary: string;
  readonly runbook: string;
  /** Grafana's page that shows it. */
  readonly page: string;
  /** Besides the severity. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What a collector counts of spans, metrics and lines that come no further. */
export const COLLECTOR_LOSSES =
  '{__name__=~"otelcol_(receiver_refused|processor_refused|exporter_send_failed|exporter_enqueue_failed)_.+_total"}';

/** Of counters: a series that begins with its first loss has not increased, it is there. */
const increased = (counter: string): string => `(${counter} unless ${counter} offset 15m) or increase(${counter}[15m])`;

/** Collectors are pods of a cluster, where a process of ours is a pod of one service. */
const noneOf = (app: string): string =>
  `label_replace(absent(up{job="collectors",instance=~"${app}-.+"}) and on () count(up{job="weft",service!=""}) > 0, "instance", "${app}", "", "")`;

/**
 * A service of which there is no process at all: nothing is scraped then, and nothing else fires. Targets without the label are those
 * of one machine, where a process runs several.
 */
export const missing = (service: string): Alert => ({
  alert: 'WeftServiceMissing',
  expr: `absent(up{job=~"weft.*",service=~"${service}|"})`,
  wait: '5m',
  severity: 'page',
  summary: `No process of ${service} is there to be scraped`,
  runbook: 'service-away',
  page: 'service',
  labels: { service_name: service },
});

/** What is wrong whatever the objectives say. */
export const ALERTS: readonly Alert[] = [
  {
    alert: 'WeftWatchdog',
    expr: 'vector(1)',
    wait: '0s',
    severity: 'none',
    summary: 'Always there: whoever waits for it outside hears when Prometheus or Alertmanager is away',
    runbook: 'watchdog',
    page: 'overview',
  },
  {
    alert: 'WeftServiceAway',
    expr: 'up{job=~"weft.*"} == 0',
    wait: '2m',
    severity: 'page',
    summary: '{{ $labels.instance }} does not answer a scrape',
    runbook: 'service-away',
    page: 'service',
  },
  {
    alert: 'WeftDependencyDown',
    expr: 'min by (service_name, dependency) (weft_dependency_up) == 0',
    wait: '1m',
    severity: 'page',
    summary: '{{ $labels.dependency }} of {{ $labels.service_name }} cannot do its work',
    runbook: 'service-away',
    page: 'service',
  },
  {
    alert: 'WeftServiceNotReady',
    expr: 'min by (service_name) (weft_service_ready) == 0',
    wait: '5m',
    severity: 'page',
    summary: 'A process of {{ $labels.service_name }} has not been ready for five minutes',
    runbook: 'service-away',
    page: 'service',
  },
  {
    alert: 'WeftNotMeasured',
    expr: 'max by (service_name, measurement) (weft_measurement_age) > 120',
    wait: '1m',
    severity: 'ticket',
    summary:
      '{{ $labels.measurement }} of {{ $labels.service_name }} cannot be measured: alerts that need it are blind',
    runbook: 'not-measured',
    page: 'service',
  },
  {
    alert: 'WeftSagaStalled',
    expr: 'max by (service_name, weft_saga_kind) (weft_saga_stalled) > 0',
    wait: '0m',
    severity: 'page',
    summary: 'A saga {{ $labels.weft_saga_kind }} has failed ten times in a row: an order waits for somebody',
    runbook: 'saga-stalled',
    page: 'sagas',
  },
  {
    alert: 'WeftSagaOld',
    expr: 'max by (service_name, weft_saga_kind, weft_saga_state) (weft_saga_age) > 600',
    wait: '5m',
    severity: 'page',
    summary: 'A saga {{ $labels.weft_saga_kind }} has been {{ $labels.weft_saga_state }} for more than ten minutes',
    runbook: 'saga-stalled',
    page: 'sagas',
  },
  {
    alert: 'WeftPartStalled',
    expr: 'max by (service_name) (weft_part_stalled) > 0',
    wait: '0m',
    severity: 'page',
    summary:
      'A part of {{ $labels.service_name }} has failed ten times in a row: a choreographed order waits for somebody',
    runbook: 'saga-stalled',
    page: 'sagas',
  },
  {
    alert: 'WeftPartOld',
    expr: 'max by (service_name) (weft_part_age) > 600',
    wait: '5m',
    severity: 'page',
    summary: '{{ $labels.service_name }} has not finished its part of a choreographed order for more than ten minutes',
    runbook: 'saga-stalled',
    page: 'sagas',
  },
  {
    alert: 'WeftOutboxOld',
    expr: 'max by (service_name) (weft_outbox_age) > 60',
    wait: '2m',
    severity: 'page',
    summary: 'Events of {{ $labels.service_name }} have not come to the bus for more than a minute',
    runbook: 'outbox-old',
    page: 'events',
  },
  {
    alert: 'WeftDeadLetters',
    expr: 'max by (service_name, messaging_consumer_group_name) (weft_consumer_dead_letters) > 0',
    wait: '1m',
    severity: 'ticket',
    summary: '{{ $labels.messaging_consumer_group_name }} has given up events',
    runbook: 'dead-letters',
    page: 'events',
  },
  {
    alert: 'WeftConsumerBehind',
    expr: 'max by (service_name, messaging_consumer_group_name) (weft_consumer_lag) > 1000',
    wait: '10m',
    severity: 'ticket',
    summary: '{{ $labels.messaging_consumer_group_name }} is more than 1,000 events behind',
    runbook: 'consumer-behind',
    page: 'events',
  },
  {
    alert: 'WeftAuditBehind',
    expr: 'max(weft_audit_age) > 300',
    wait: '5m',
    severity: 'ticket',
    summary: 'There may be changes that have not been recorded for more than five minutes',
    runbook: 'audit-behind',
    page: 'events',
  },
  {
    alert: 'WeftUnknownEvents',
    expr: 'sum by (service_name) (increase(weft_audit_unknown_events_total[30m])) > 0',
    wait: '1m',
    severity: 'ticket',
    summary: 'Somebody publishes events of a type that no service has registered',
    runbook: 'unknown-events',
    page: 'events',
  },
  {
    alert: 'WeftSpansLost',
    expr: `sum by (instance, service, error_type) (${increased('otel_sdk_processor_span_processed_total{error_type!=""}')}) > 0`,
    wait: '5m',
    severity: 'ticket',
    summary: 'Spans of {{ $labels.instance }} are lost: {{ $labels.error_type }}',
    runbook: 'telemetry-lost',
    page: 'service',
  },
  {
    alert: 'WeftCollectorAway',
    // Of a whole kind there may be none; only a cluster is expected to have them.
    expr: `up{job="collectors"} == 0 or ${['otel-collector', 'log-collector'].map(noneOf).join(' or ')}`,
    wait: '5m',
    severity: 'ticket',
    summary: 'The collector {{ $labels.instance }} does not answer a scrape, or there is none',
    runbook: 'telemetry-lost',
    page: 'overview',
  },
  {
    alert: 'WeftCollectorBehind',
    expr: 'max by (instance, exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity) > 0.8',
    wait: '10m',
    severity: 'ticket',
    summary: 'The collector {{ $labels.instance }} has been waiting for {{ $labels.exporter }} for ten minutes',
    runbook: 'telemetry-lost',
    page: 'overview',
  },
  {
    alert: 'WeftCollectorLoses',
    expr: `sum by (instance) (${increased(COLLECTOR_LOSSES)}) > 0`,
    wait: '5m',
    severity: 'ticket',
    summary: 'The collector {{ $labels.instance }} refuses what it is sent, or cannot hand it on',
    runbook: 'telemetry-lost',
    page: 'overview',
  },
  {
    alert: 'WeftPoolExhausted',
    expr: 'max by (db_client_connection_pool_name) (db_client_connection_pending_requests) > 10',
    wait: '2m',
    severity: 'ticket',
    summary: '{{ $labels.db_client_connection_pool_name }} waits for connections to its database',
    runbook: 'pool-exhausted',
    page: 'service',
  },
  {
    alert: 'WeftEventLoopBlocked',
    expr: 'nodejs_eventloop_delay_p99 > 0.2',
    wait: '5m',
    severity: 'ticket',
    summary: 'The event loop of {{ $labels.instance }} is held up',
    runbook: 'event-loop-blocked',
    page: 'service',
  },
  {
    alert: 'WeftBreakerOpen',
    // Half open it has not found the service well yet, and opens again and again.
    expr: 'min by (upstream) (weft_breaker_state{state="closed"}) == 0',
    wait: '1m',
    severity: 'page',
    summary: 'The gateway has given up asking {{ $labels.upstream }}: its callers are refused',
    runbook: 'breaker-open',
    page: 'gateway',
  },
];
