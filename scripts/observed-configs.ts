import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import type { Here } from './observed-here.ts';
import { earlierLines } from './observed-lines.ts';

// What the programs' configurations of k8s/observability have otherwise on one machine. Written as JSON, which is YAML as well.

const read = (file: string) => parse(readFileSync(file, 'utf8'));

function write(folder: string, name: string, content: unknown): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(content, null, 2));
  return file;
}

/** Whoever is in front of the machine sees that a collector is away. */
const unmeasured = { telemetry: { metrics: { level: 'none' } } };

/** Beside collector.yaml; gives its file, as the others do. Spans go to Jaeger, or to a file where there is none. */
export function writeSpanCollector({ folder, ports, found }: Here): string {
  const jaeger = { 'otlp_grpc/jaeger': { endpoint: '127.0.0.1:14317' } };
  const file = {
    path: join(folder, 'spans.json'),
    rotation: { max_megabytes: 50, max_backups: 2 },
    flush_interval: '1s',
  };
  return write(folder, 'collector.yaml', {
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `127.0.0.1:${ports.otlp_grpc}` },
          http: { endpoint: `127.0.0.1:${ports.otlp}` },
        },
      },
    },
    exporters: found.jaeger ? jaeger : { file },
    service: { ...unmeasured, ...(!found.jaeger && { pipelines: { traces: { exporters: ['file'] } } }) },
  });
}

interface LineCollector {
  readonly receivers: { readonly filelog: { readonly operators: readonly object[] } };
}

/** Beside collector-logs.yaml: one file of all services, whose lines name theirs, where a node has one of each container. */
export function writeLineCollector({ stack, folder, ports, linesFile }: Here): string {
  const known: LineCollector = read(join(stack, 'collector-logs.yaml'));
  const ofLines = known.receivers.filelog.operators.filter((one) => JSON.stringify(one).includes('attributes.line'));
  const service = 'resource["service.name"]';
  const layout = { layout_type: 'gotime', layout: '2006-01-02T15:04:05Z07:00', on_error: 'send_quiet' };
  const operators = [
    { type: 'add', field: 'resource["service.namespace"]', value: 'weft' },
    { type: 'add', field: service, value: 'weft' },
    ...ofLines.slice(0, -1),
    { type: 'copy', if: 'attributes.line?.service != nil', from: 'attributes.line.service', to: service },
    { type: 'time_parser', if: 'attributes.line?.time != nil', parse_from: 'attributes.line.time', ...layout },
    // Which takes away what was read for the others.
    ...ofLines.slice(-1),
  ];
  const offsets = join(folder, 'offsets');
  mkdirSync(offsets, { recursive: true });
  return write(folder, 'collector-logs.yaml', {
    receivers: { filelog: { include: [linesFile, earlierLines(linesFile)], include_file_path: false, operators } },
    exporters: { 'otlp_http/loki': { endpoint: `http://127.0.0.1:${ports.loki}/otlp` } },
    extensions: { file_storage: { directory: offsets } },
    service: unmeasured,
  });
}

/** loki.yaml on loopback, with its data in a folder. */
export function writeLoki({ stack, folder, ports }: Here): string {
  const known = read(join(stack, 'loki.yaml'));
  const data = join(folder, 'loki');
  const filesystem = { chunks_directory: join(data, 'chunks'), rules_directory: join(data, 'rules') };
  return write(folder, 'loki.yaml', {
    ...known,
    server: {
      ...known.server,
      http_listen_address: '127.0.0.1',
      http_listen_port: ports.loki,
      grpc_listen_address: '127.0.0.1',
      grpc_listen_port: ports.loki_grpc,
    },
    common: { ...known.common, path_prefix: data, storage: { ...known.common.storage, filesystem } },
    compactor: { ...known.compactor, working_directory: join(data, 'compactor') },
  });
}

interface Sources {
  readonly datasources: readonly { readonly uid: string; readonly name: string }[];
}

interface Providers {
  readonly providers: readonly object[];
}

/**
 * Provisions Grafana with the dashboards and with what of their sources is there; gives its settings, as environment. Who comes by
 * loopback looks without signing in, and nobody can sign in.
 */
export function writeGrafana({ stack, folder, ports, found }: Here): Record<string, string> {
  const data = join(folder, 'grafana');
  const provisioning = join(data, 'provisioning');
  const urls: Readonly<Record<string, string | undefined>> = {
    prometheus: found.prometheus && `http://127.0.0.1:${ports.prometheus}`,
    alertmanager: found.alertmanager && `http://127.0.0.1:${ports.alertmanager}`,
    loki: found.loki && `http://127.0.0.1:${ports.loki}`,
    jaeger: found.jaeger && 'http://127.0.0.1:16686',
  };
  const sources: Sources = read(join(stack, 'grafana/provisioning/datasources.yaml'));
  const datasources = sources.datasources.flatMap((one) => (urls[one.uid] ? [{ ...one, url: urls[one.uid] }] : []));
  // One that was there at an earlier start is not asked any more.
  const gone = sources.datasources.filter(({ uid }) => !urls[uid]);
  const deleteDatasources = gone.map(({ name }) => ({ name, orgId: 1 }));
  write(join(provisioning, 'datasources'), 'datasources.yaml', { ...sources, deleteDatasources, datasources });
  const known: Providers = read(join(stack, 'grafana/provisioning/dashboards.yaml'));
  const providers = known.providers.map((one) => ({ ...one, options: { path: join(stack, 'grafana') } }));
  write(join(provisioning, 'dashboards'), 'dashboards.yaml', { ...known, providers });
  return {
    GF_SERVER_HTTP_ADDR: '127.0.0.1',
    GF_SERVER_HTTP_PORT: String(ports.grafana),
    GF_PATHS_DATA: data,
    GF_PATHS_LOGS: join(data, 'log'),
    GF_PATHS_PLUGINS: join(data, 'plugins'),
    GF_PATHS_PROVISIONING: provisioning,
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    GF_AUTH_BASIC_ENABLED: 'false',
    GF_AUTH_DISABLE_LOGIN_FORM: 'true',
    GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    GF_USERS_ALLOW_SIGN_UP: 'false',
    // Links to lines and traces lead to Explore, which is for those who may.
    GF_USERS_VIEWERS_CAN_EDIT: 'true',
    GF_ANALYTICS_REPORTING_ENABLED: 'false',
    GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
  };
}

/** Where a package put what Grafana serves: beside its program in an archive, in share/ elsewhere. */
export function grafanaHome(program: string): string | undefined {
  const above = join(dirname(realpathSync(program)), '..');
  const homes = [above, join(above, 'share/grafana'), '/usr/share/grafana', '/usr/local/share/grafana'];
  return homes.find((home) => existsSync(join(home, 'conf/defaults.ini')));
}
