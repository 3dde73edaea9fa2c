import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { grafanaHome, writeGrafana, writeLineCollector, writeLoki, writeSpanCollector } from './observed-configs.ts';
import type { Here, Name } from './observed-here.ts';
import { keepTargets, writePrometheus } from './observed-targets.ts';

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Program {
  readonly name: Name;
  readonly shows: string;
  /** Its names on the path, the first that is there. */
  readonly called: readonly string[];
  /** The argument at which it tells its version and ends. */
  readonly version: string;
  readonly start: (program: string, here: Here) => Started;
}

interface Started {
  readonly commands: readonly Command[];
  /** For people: where it is, and what it does without. */
  readonly at: string;
  /** The lines of the services are read from their file. */
  readonly readsLines?: boolean;
  /** Ends what was begun here for the program. */
  readonly end?: () => void;
}

const local = (port: number) => `127.0.0.1:${port}`;

/** The programs of the pane, in the order in which they are told of. */
export const PROGRAMS: readonly Program[] = [
  {
    name: 'otelcol',
    shows: 'spans',
    called: ['otelcol', 'otelcol-contrib'],
    version: '--version',
    start: (program, here) => ({
      commands: [
        { program, args: ['--config', join(here.stack, 'collector.yaml'), '--config', writeSpanCollector(here)] },
      ],
      at: here.found.jaeger ? `otlp http://${local(here.ports.otlp)}` : join(here.folder, 'spans.json'),
    }),
  },
  {
    name: 'jaeger',
    shows: 'traces',
    called: ['jaeger'],
    version: 'version',
    start: (program, { ports, found }) => {
      // A collector in front of it has the standard ports.
      const [grpc, http] = found.otelcol ? [14317, 14318] : [ports.otlp_grpc, ports.otlp];
      const protocols = 'receivers.otlp.protocols';
      const args = [`${protocols}.grpc.endpoint=${local(grpc)}`, `${protocols}.http.endpoint=${local(http)}`];
      return {
        commands: [{ program, args: args.flatMap((one) => ['--set', one]), env: { JAEGER_LISTEN_HOST: '127.0.0.1' } }],
        at: 'http://127.0.0.1:16686',
      };
    },
  },
  {
    name: 'prometheus',
    shows: 'metrics',
    called: ['prometheus'],
    version: '--version',
    start: (program, { stack, folder, ports, found, opsPorts }) => {
      const others = {
        ...(found.alertmanager && { alertmanager: local(ports.alertmanager) }),
        ...(found.grafana && { grafana: `http://${local(ports.grafana)}` }),
      };
      const args = [
        `--config.file=${writePrometheus(join(stack, 'prometheus'), folder, others)}`,
        `--storage.tsdb.path=${join(folder, 'prometheus')}`,
        '--storage.tsdb.retention.time=7d',
        `--web.listen-address=${local(ports.prometheus)}`,
      ];
      return {
        commands: [{ program, args }],
        at: `http://${local(ports.prometheus)}`,
        end: keepTargets(folder, opsPorts),
      };
    },
  },
  {
    name: 'alertmanager',
    shows: 'alerts',
    called: ['alertmanager', 'prometheus-alertmanager'],
    version: '--version',
    start: (program, { stack, folder, ports, found }) => {
      const args = [
        `--config.file=${join(stack, 'alertmanager.yaml')}`,
        `--storage.path=${join(folder, 'alertmanager')}`,
        `--web.listen-address=${local(ports.alertmanager)}`,
        // One alone: no cluster to join.
        '--cluster.listen-address=',
      ];
      const without = found.prometheus ? '' : '  (hears of none: there is no prometheus on the path)';
      return { commands: [{ program, args }], at: `http://${local(ports.alertmanager)}${without}` };
    },
  },
  {
    name: 'loki',
    shows: 'lines',
    called: ['loki'],
    version: '--version',
    start: (program, here) => {
      const { stack, ports, found } = here;
      const loki = { program, args: [`-config.file=${writeLoki(here)}`] };
      const at = `http://${local(ports.loki)}`;
      if (!found.otelcol) return { commands: [loki], at: `${at}  (gets none: there is no otelcol on the path)` };
      if (!readsFiles(found.otelcol))
        return { commands: [loki], at: `${at}  (gets none: ${found.otelcol} has no filelog or no file_storage)` };
      const args = ['--config', join(stack, 'collector-logs.yaml'), '--config', writeLineCollector(here)];
      return { commands: [loki, { program: found.otelcol, args }], at, readsLines: true };
    },
  },
  {
    name: 'grafana',
    shows: 'dashboards',
    called: ['grafana', 'grafana-server'],
    version: '-v',
    start: (program, here) => {
      const home = grafanaHome(program);
      if (!home) return { commands: [], at: `none: ${program} has no folder with conf/defaults.ini that we know of` };
      const server = program.endsWith('grafana-server') ? [] : ['server'];
      return {
        commands: [{ program, args: [...server, `--homepath=${home}`], env: writeGrafana(here) }],
        at: `http://${local(here.ports.grafana)}/d/weft-overview`,
      };
    },
  },
];

function readsFiles(otelcol: string): boolean {
  const { stdout } = spawnSync(otelcol, ['components'], { encoding: 'utf8', timeout: 10_000 });
  return /name: filelog\b/.test(stdout ?? '') && /name: file_storage\b/.test(stdout ?? '');
}
