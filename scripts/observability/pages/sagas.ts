import { dashboard, one, published } from '../page.ts';

export const sagasPage = () =>
  dashboard('sagas', 'sagas', [
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
        'sum by (rpc_method, rpc_response_status_code) (rate(rpc_client_call_duration_count{service_name="checkout",rpc_response_status_code!="OK"}[5m]))',
        '{{rpc_method}} {{rpc_response_status_code}}',
      ),
    },
  ]);
