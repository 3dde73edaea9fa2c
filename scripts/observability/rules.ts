import { ALERTS, type Alert, missing } from './alerts.ts';
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

interface Rates {
  readonly all: string;
  /** Those that were not good. */
  readonly bad: string;
}

/** Calls a second that an objective is about. */
export function rates({ methods, measured, seconds }: Slo, window: string): Rates {
  const of = `service_name${measured === 'edge' ? '=' : '!='}"gateway",rpc_method=~${quote(methods)}`;
  const all = `sum(rate(rpc_server_call_duration_count{${of}}[${window}]))`;
  const bad =
    seconds === undefined
      ? // There is no series of failures before the first one.
        `(sum(rate(rpc_server_call_duration_count{${of},rpc_response_status_code=~"${FAILURES}"}[${window}])) or vector(0))`
      : `(${all} - sum(rate(rpc_server_call_duration_bucket{${of},le="${seconds}"}[${window}])))`;
  return { all, bad };
}

/** Share of the calls that were not good. */
export function errorRatio(slo: Slo, window: string): string {
  const { all, bad } = rates(slo, window);
  return `${bad} / ${all}`;
}

const recorded = (slo: Slo, window: string): string => `slo:errors:ratio_rate${window}{slo=${quote(slo.name)}}`;

const record = (name: string, expr: string, slo?: Slo): string =>
  [
    `      - record: ${name}`,
    `        expr: ${quote(expr)}`,
    ...(slo ? [`        labels: {slo: ${slo.name}}`] : []),
  ].join('\n');

function recordings(slos: readonly Slo[]): string {
  const ofSlos = slos.flatMap((slo) => {
    const { all, bad } = rates(slo, '5m');
    return [
      ...WINDOWS.map((window) => record(`slo:errors:ratio_rate${window}`, errorRatio(slo, window), slo)),
      record('slo:objective', `vector(${slo.objective})`, slo),
      // Their sums over thirty days are what was asked and what was spent: a quiet night weighs little.
      record('slo:calls:rate5m', all, slo),
      record('slo:bad_calls:rate5m', bad, slo),
    ];
  });
  const calls = 'rpc_server_call_duration_count';
  return [
    ...ofSlos,
    record('service:calls:rate5m', `sum by (service_name) (rate(${calls}[5m]))`),
    record(
      'service:failures:rate5m',
      `sum by (service_name) (rate(${calls}{rpc_response_status_code=~"${FAILURES}"}[5m]))`,
    ),
  ].join('\n');
}

/** Where people reach Grafana: Prometheus's external label `grafana`. Without it links are Grafana's own, as it shows the alerts. */
const GRAFANA = '{{ $externalLabels.grafana }}';
const pageOf = (page: string, service: string): string =>
  `${GRAFANA}/d/weft-${page}${page === 'service' ? `?var-service=${service}` : ''}`;

/** Where it is in the repository, and in the Grafana that shows the alert. */
const links = (runbook: string, page: string): readonly string[] => [
  `          runbook: docs/runbooks/${runbook}.md`,
  `          runbook_url: ${quote(`${GRAFANA}/d/${runbookUid(runbook)}`)}`,
  `          dashboard: ${quote(page)}`,
];

function alertOf({ alert, expr, wait, severity, summary, runbook, page, labels = {} }: Alert): string {
  const all = Object.entries({ severity, ...labels }).map(([name, value]) => `${name}: ${value}`);
  // Targets have the name of their service, too; labels of the alert itself are not known to its annotations.
  const service =
    labels.service_name ?? '{{ or $labels.service_name $labels.db_client_connection_pool_name $labels.service }}';
  return [
    `      - alert: ${alert}`,
    `        expr: ${quote(expr)}`,
    `        for: ${wait}`,
    `        labels: {${all.join(', ')}}`,
    '        annotations:',
    `          summary: ${quote(summary)}`,
    ...links(runbook, pageOf(page, service)),
  ].join('\n');
}

function burnOf(slo: Slo): string {
  const budget = Number((1 - slo.objective).toFixed(6));
  const service = slo.measured === 'edge' ? 'gateway' : (slo.methods.split('.')[1] ?? '');
  return BURNS.map(({ factor, long, short, severity, wait }) => {
    const limit = `${factor} * ${budget}`;
    return alertOf({
      alert: 'WeftErrorBudgetBurns',
      expr: `${recorded(slo, long)} > ${limit} and ${recorded(slo, short)} > ${limit}`,
      wait,
      severity,
      labels: { slo: slo.name, window: long, service_name: service },
      summary: `${slo.description}: the budget of 30 days burns ${factor} times too fast over ${long}`,
      runbook: 'error-budget-burns',
      page: 'service',
    });
  }).join('\n');
}

/** A rules file of Prometheus. @param services that there are to be */
export function rules(slos: readonly Slo[], services: readonly string[]): string {
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
${[...services.map(missing), ...ALERTS].map(alertOf).join('\n')}
`;
}
