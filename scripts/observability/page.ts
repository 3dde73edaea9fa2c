export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly unit?: string;
  readonly type?: 'timeseries' | 'stat' | 'logs';
  /** Of its points: where they lead. */
  readonly links?: readonly object[];
  readonly queries: readonly Query[];
}

export const one = (expr: string, legend = ''): readonly Query[] => [{ expr, legend }];

/** Events of a type a second. */
export const published = (type: string): string =>
  `sum(rate(weft_events_published_total{messaging_destination_name=~"${type}"}[5m]))`;

/** From a point of a service to that service's page, at the same time. */
export const toService = {
  title: 'its page',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills them in
  url: '/d/weft-service?var-service=${__field.labels.service_name}&${__url_time_range}',
};

export const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' };
const LOKI = { type: 'loki', uid: 'loki' };
const NAMES = ['overview', 'service', 'gateway', 'sagas', 'events', 'mesh'];
const WIDTH = 12;
const HEIGHT = 8;

function panelOf({ title, unit = 'short', type = 'timeseries', links = [], queries }: Panel, index: number) {
  const datasource = type === 'logs' ? LOKI : PROMETHEUS;
  return {
    id: index + 1,
    title,
    type,
    datasource,
    gridPos: { x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit, links }, overrides: [] },
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}

export const link = (title: string, url: string) => ({ title, type: 'link', url, keepTime: true });

/** Where Grafana asks a data source; variables of the dashboard stay as they are, for Grafana to fill in. */
export function explore(datasource: string, query: object): string {
  const range = { from: 'now-1h', to: 'now' };
  const panes = { a: { datasource, queries: [{ refId: 'A', datasource: { uid: datasource }, ...query }], range } };
  return `/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify(panes)).replaceAll('%24', '$')}`;
}

interface Extras {
  readonly variables?: readonly object[];
  readonly links?: readonly object[];
}

/** A page that leads to all the others, for Grafana's provisioning. */
export function dashboard(
  name: string,
  title: string,
  panels: readonly Panel[],
  { variables = [], links = [] }: Extras = {},
) {
  return {
    uid: `weft-${name}`,
    title: `Weft: ${title}`,
    tags: ['weft'],
    schemaVersion: 39,
    version: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables },
    links: [
      ...NAMES.filter((other) => other !== name).map((other) => link(other, `/d/weft-${other}`)),
      link('traces', explore('jaeger', { queryType: 'search' })),
      link('logs', explore('loki', { expr: '{service_namespace="weft"}' })),
      link('alerts', '/alerting/list'),
      ...links,
    ],
    panels: panels.map(panelOf),
  };
}
