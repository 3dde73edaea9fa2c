import { COLLECTOR_LOSSES } from '../alerts.ts';
import { dashboard, one, type Panel, published, toService } from '../page.ts';
import { errorRatio, type Slo } from '../rules.ts';

export function overviewPage(slos: readonly Slo[]) {
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
  return dashboard('overview', 'overview', [
    {
      title: 'Alerts that fire (each has its runbook: link "alerts" above)',
      links: [toService],
      queries: one(
        'sum by (alertname, severity, slo, service_name) (ALERTS{alertstate="firing",severity!="none"})',
        '{{severity}} {{alertname}} {{slo}} {{service_name}}',
      ),
    },
    {
      title: 'Budgets of 30 days: the share that is left',
      unit: 'percentunit',
      queries: one(
        '1 - (sum_over_time(slo:bad_calls:rate5m[30d]) / sum_over_time(slo:calls:rate5m[30d])) / (1 - slo:objective)',
        '{{slo}}',
      ),
    },
    ...burns,
    {
      title: 'Dependencies that are down',
      links: [toService],
      queries: one('1 - min by (service_name, dependency) (weft_dependency_up) > 0', '{{service_name}} {{dependency}}'),
    },
    {
      title: 'Calls a second, by service',
      unit: 'reqps',
      links: [toService],
      queries: one('service:calls:rate5m', '{{service_name}}'),
    },
    {
      title: 'Share of calls that fail, by service',
      unit: 'percentunit',
      links: [toService],
      queries: one('(service:failures:rate5m or 0 * service:calls:rate5m) / service:calls:rate5m', '{{service_name}}'),
    },
    {
      title: 'Orders by how they ended, a second',
      queries: ['completed', 'rejected', 'cancelled'].map((end) => ({
        expr: published(`weft.orders.v1.order_${end}`),
        legend: end,
      })),
    },
    {
      title: 'What collectors lose a second',
      queries: one(`sum by (instance) (rate(${COLLECTOR_LOSSES}[5m]))`, '{{instance}}'),
    },
    {
      title: 'Money captured an hour, minor units',
      queries: one(
        // The first amount in a currency begins its series: that has not increased, it is there.
        'sum by (weft_currency) ((weft_payments_captured_total unless weft_payments_captured_total offset 1h) or increase(weft_payments_captured_total[1h]))',
        '{{weft_currency}}',
      ),
    },
  ]);
}
