export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly wait: string;
  readonly severity: string;
  readonly summary: string;
  readonly runbook: string;
  /** Grafana's page that shows it; the overview where absent. */
  readonly page?: string;
}

/** What is wrong whatever the objectives say. */
export const ALERTS: readonly Alert[] = [
  {
    alert: 'WeftServiceAway',
    expr: 'up{job=~"weft.*"} == 0',
    wait: '2m',
    severity: 'page',
    summary: '{{ $labels.instance }} does not answer a scrape',
    runbook: 'service-away',
  },
  {
    alert: 'WeftSagaStalled',
    expr: 'increase(weft_events_published_total{messaging_destination_name="weft.checkout.v1.saga_stalled"}[10m]) > 0',
    wait: '0m',
    severity: 'page',
    summary: 'A saga has failed ten times in a row: an order waits for somebody',
    runbook: 'saga-stalled',
  },
  {
    alert: 'WeftSagaOld',
    expr: 'max by (weft_saga_kind, weft_saga_state) (weft_saga_age) > 600',
    wait: '5m',
    severity: 'page',
    summary: 'A saga {{ $labels.weft_saga_kind }} has been {{ $labels.weft_saga_state }} for more than ten minutes',
    runbook: 'saga-stalled',
  },
  {
    alert: 'WeftOutboxOld',
    expr: 'max by (service_name) (weft_outbox_age) > 60',
    wait: '2m',
    severity: 'page',
    summary: 'Events of {{ $labels.service_name }} have not come to the bus for more than a minute',
    runbook: 'outbox-old',
  },
  {
    alert: 'WeftDeadLetters',
    expr: 'max by (messaging_consumer_group_name) (weft_consumer_dead_letters) > 0',
    wait: '1m',
    severity: 'ticket',
    summary: '{{ $labels.messaging_consumer_group_name }} has given up events',
    runbook: 'dead-letters',
  },
  {
    alert: 'WeftConsumerBehind',
    expr: 'max by (messaging_consumer_group_name) (weft_consumer_lag) > 1000',
    wait: '10m',
    severity: 'ticket',
    summary: '{{ $labels.messaging_consumer_group_name }} is more than 1,000 events behind',
    runbook: 'consumer-behind',
  },
  {
    alert: 'WeftAuditBehind',
    expr: 'max(weft_audit_age) > 300',
    wait: '5m',
    severity: 'ticket',
    summary: 'Changes are recorded more than five minutes late',
    runbook: 'audit-behind',
  },
  {
    alert: 'WeftPoolExhausted',
    expr: 'max by (db_client_connection_pool_name) (db_client_connection_pending_requests) > 10',
    wait: '2m',
    severity: 'ticket',
    summary: '{{ $labels.db_client_connection_pool_name }} waits for connections to its database',
    runbook: 'pool-exhausted',
  },
  {
    alert: 'WeftEventLoopBlocked',
    expr: 'nodejs_eventloop_delay_p99 > 0.2',
    wait: '5m',
    severity: 'ticket',
    summary: 'The event loop of {{ $labels.instance }} is held up',
    runbook: 'event-loop-blocked',
  },
  {
    alert: 'WeftBreakerOpen',
    expr: 'max by (upstream) (weft_breaker_state{state="open"}) > 0',
    wait: '1m',
    severity: 'page',
    summary: 'The gateway has given up asking {{ $labels.upstream }}: its callers are refused',
    runbook: 'breaker-open',
    page: 'gateway',
  },
];
