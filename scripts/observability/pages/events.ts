import { dashboard, one, toService } from '../page.ts';

export const eventsPage = () =>
  dashboard('events', 'events', [
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
      links: [toService],
      queries: one('max by (service_name) (weft_outbox_age)', '{{service_name}}'),
    },
    {
      title: 'Outbox: events',
      links: [toService],
      // Each process counts the whole table.
      queries: one('max by (service_name) (weft_outbox_backlog)', '{{service_name}}'),
    },
    {
      title: 'Consumers: events still to handle',
      links: [toService],
      queries: one(
        'max by (service_name, messaging_consumer_group_name) (weft_consumer_lag)',
        '{{messaging_consumer_group_name}}',
      ),
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
      links: [toService],
      queries: one(
        'max by (service_name, messaging_consumer_group_name) (weft_consumer_dead_letters)',
        '{{messaging_consumer_group_name}}',
      ),
    },
    {
      title: 'Audit: age of what may not be recorded yet',
      unit: 's',
      queries: one('max(weft_audit_age)', 'age'),
    },
    {
      title: 'Since when what services measure has not been measured',
      unit: 's',
      links: [toService],
      queries: one('max by (service_name, measurement) (weft_measurement_age)', '{{service_name}} {{measurement}}'),
    },
    {
      title: 'Events in five minutes of types that no service has registered',
      queries: one('sum(increase(weft_audit_unknown_events_total[5m]))', 'events'),
    },
  ]);
