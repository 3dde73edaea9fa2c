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
      queries: one(
        'sum by (alertname, severity, slo) (ALERTS{alertstate="firing"})',
        '{{severity}} {{alertname}} {{slo}}',
      ),
    },
    ...burns,
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
      title: 'Money captured an hour, minor units',
      queries: one('sum by (weft_currency) (increase(weft_payments_captured_total[1h]))', '{{weft_currency}}'),
    },
  ]);
}
