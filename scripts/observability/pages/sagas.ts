import { dashboard, one, published, toService } from '../page.ts';

export const sagasPage = () =>
  dashboard('sagas', 'sagas', [
    // Each process of checkout counts the whole table.
    {
      title: 'Open sagas',
      queries: one(
        'max by (weft_saga_kind, weft_saga_state) (weft_saga_open)',
        '{{weft_saga_kind}} {{weft_saga_state}}',
      ),
    },
    {
      title: 'Parts of choreographed orders that are open',
      links: [toService],
      queries: one('max by (service_name) (weft_part_open)', '{{service_name}}'),
    },
    {
      title: 'Sagas and parts that have stalled: an order waits for somebody',
      queries: [
        { expr: 'max by (weft_saga_kind) (weft_saga_stalled)', legend: '{{weft_saga_kind}}' },
        { expr: 'max by (service_name) (weft_part_stalled)', legend: 'part of {{service_name}}' },
      ],
    },
    {
      title: 'Age of the oldest',
      unit: 's',
      queries: [
        {
          expr: 'max by (weft_saga_kind, weft_saga_state) (weft_saga_age)',
          legend: '{{weft_saga_kind}} {{weft_saga_state}}',
        },
        { expr: 'max by (service_name) (weft_part_age)', legend: 'part of {{service_name}}' },
      ],
    },
    {
      title: 'Sagas that ended, a second',
      queries: ['completed', 'compensated'].map((end) => ({
        expr: published(`weft.checkout.v1.saga_${end}`),
        legend: end,
      })),
    },
    {
      title: 'Alarms of sagas and parts an hour',
      queries: one(
        'sum by (messaging_destination_name) (increase(weft_events_published_total{messaging_destination_name=~"weft.(checkout.v1.saga|payments.v1.payment|shipping.v1.shipment)_stalled"}[1h]))',
        '{{messaging_destination_name}}',
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
