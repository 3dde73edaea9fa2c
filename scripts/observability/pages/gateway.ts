import { dashboard, one } from '../page.ts';

export const gatewayPage = () =>
  dashboard('gateway', 'gateway', [
    {
      title: 'Calls a second, by code',
      unit: 'reqps',
      queries: one(
        'sum by (rpc_response_status_code) (rate(rpc_server_call_duration_count{service_name="gateway"}[5m]))',
        '{{rpc_response_status_code}}',
      ),
    },
    {
      title: '99th percentile as its callers see it, by method',
      unit: 's',
      queries: one(
        'histogram_quantile(0.99, sum by (le, rpc_method) (rate(rpc_server_call_duration_bucket{service_name="gateway"}[5m])))',
        '{{rpc_method}}',
      ),
    },
    {
      title: 'Breakers that are not closed, by service',
      queries: one('max by (upstream, state) (weft_breaker_state{state!="closed"})', '{{upstream}} {{state}}'),
    },
    {
      title: 'Calls to services: running, and waiting for room',
      queries: one('sum by (upstream, state) (weft_bulkhead_calls)', '{{upstream}} {{state}}'),
    },
    {
      title: 'Calls refused by a limit, a second',
      unit: 'reqps',
      queries: one('sum by (reason) (rate(weft_limit_rejections_total[5m]))', '{{reason}}'),
    },
    {
      title: 'Lookups of copies a second, by what became of them',
      unit: 'reqps',
      queries: one('sum by (outcome) (rate(weft_cache_lookups_total[5m]))', '{{outcome}}'),
    },
    {
      title: 'Share of lookups that a fresh copy answered, by method',
      unit: 'percentunit',
      queries: one(
        'sum by (rpc_method) (rate(weft_cache_lookups_total{outcome=~"fresh|absent"}[5m])) / sum by (rpc_method) (rate(weft_cache_lookups_total[5m]))',
        '{{rpc_method}}',
      ),
    },
    {
      title: 'Delay of the event loop, by which calls are shed',
      unit: 's',
      queries: one('max(weft_shedding_delay)', 'delay'),
    },
  ]);
