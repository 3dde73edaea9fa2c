import { ALERTS, type Alert } from './alerts.ts';
import { runbookUid } from './runbooks.ts';

/** What is promised of some methods over thirty days. */
export interface Slo {
  readonly name: string;
  readonly description: string;
  /** Share of the calls that are good. */
  readonly objective: number;
  /** Where its calls are counted: by the gateway, as end users see them, or by the service itself, whoever asks. */
  readonly measured: 'edge' | 'service';
  /** Regular expression of full names of methods. */
  readonly methods: string;
  /** A good call takes no longer; a bucket of the histogram. Where absent, a good call is one that does not fail. */
  readonly seconds?: number;
}

export const FAILURES = 'UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS';
const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'];

/** Share of the budget of 30 days that is spent in the longer window when it fires. Source: Google, The Site Reliability Workbook, chapter 5. */
const BURNS = [
  { factor: 14.4, long: '1h', short: '5m', severity: 'page', wait: '2m' },
  { factor: 6, long: '6h', short: '30m', severity: 'page', wait: '15m' },
  { factor: 3, long: '1d', short: '2h', severity: 'ticket', wait: '1h' },
  { factor: 1, long: '3d', short: '6h', severity: 'ticket', wait: '3h' },
];

const quote = (text: string): string => JSON.stringify(text);

/** Share of the calls that were not good. */
export function errorRatio({ methods, measured, seconds }: Slo, window: string): string {
  const of = `service_name${measured === 'edge' ? '=' : '!='}"gateway",rpc_method=~${quote(methods)}`;
  const all = `sum(rate(rpc_server_call_duration_count{${of}}[${window}]))`;
  if (seconds === undefined)
    // There is no series of failures before the first one.
    return `(sum(rate(rpc_server_call_duration_count{${of},rpc_response_status_code=~"${FAILURES}"}[${window}])) or vector(0)) / ${all}`;
  return `1 - sum(rate(rpc_server_call_duration_bucket{${of},le="${seconds}"}[${window}])) / ${all}`;
}

const recorded = (slo: Slo, window: string): string => `slo:errors:ratio_rate${window}{slo=${quote(slo.name)}}`;

function recordings(slos: readonly Slo[]): string {
  const rules = slos.flatMap((slo) =>
    WINDOWS.map((window) =>
      [
        `      - record: slo:errors:ratio_rate${window}`,
        `        expr: ${quote(errorRatio(slo, window))}`,
        '        labels:',
        `          slo: ${slo.name}`,
      ].join('\n'),
    ),
  );
  const objectives = slos.map((slo) =>
    [
      '      - record: slo:objective',
      `        expr: ${quote(`vector(${slo.objective})`)}`,
      `        labels: {slo: ${slo.name}}`,
    ].join('\n'),
  );
  const services = [
    '      - record: service:calls:rate5m',
    `        expr: ${quote('sum by (service_name) (rate(rpc_server_call_duration_count[5m]))')}`,
    '      - record: service:failures:rate5m',
    `        expr: ${quote(`sum by (service_name) (rate(rpc_server_call_duration_count{rpc_response_status_code=~"${FAILURES}"}[5m]))`)}`,
  ].join('\n');
  return [...rules, ...objectives, services].join('\n');
}

/** Where it is in the repository, and in the Grafana that shows the alert. */
const runbookOf = (name: string): readonly string[] => [
  `          runbook: docs/runbooks/${name}.md`,
  `          runbook_url: /d/${runbookUid(name)}`,
];

function alertOf({ alert, expr, wait, severity, summary, runbook, page = 'overview' }: Alert): string {
  return [
    `      - alert: ${alert}`,
    `        expr: ${quote(expr)}`,
    `        for: ${wait}`,
    `        labels: {severity: ${severity}}`,
    '        annotations:',
    `          summary: ${quote(summary)}`,
    ...runbookOf(runbook),
    `          dashboard: /d/weft-${page}`,
  ].join('\n');
}

function burnOf(slo: Slo): string {
  const budget = Number((1 - slo.objective).toFixed(6));
  return BURNS.map(({ factor, long, short, severity, wait }) => {
    const limit = `${factor} * ${budget}`;
    return [
      '      - alert: WeftErrorBudgetBurns',
      `        expr: ${quote(`${recorded(slo, long)} > ${limit} and ${recorded(slo, short)} > ${limit}`)}`,
      `        for: ${wait}`,
      `        labels: {severity: ${severity}, slo: ${slo.name}, window: ${long}}`,
      '        annotations:',
      `          summary: ${quote(`${slo.description}: the budget of 30 days burns ${factor} times too fast over ${long}`)}`,
      ...runbookOf('error-budget-burns'),
      '          dashboard: /d/weft-overview',
    ].join('\n');
  }).join('\n');
}

/** A rules file of Prometheus. */
export function rules(slos: readonly Slo[]): string {
  return `# Written by scripts/observability.ts from slos.json: change these.
groups:
  - name: weft-objectives
    interval: 30s
    rules:
${recordings(slos)}
  - name: weft-burn-rates
    rules:
${slos.map(burnOf).join('\n')}
  - name: weft-alerts
    rules:
${ALERTS.map(alertOf).join('\n')}
`;
}
