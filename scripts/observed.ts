import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RUNNING } from '../clients/cli/src/system/ops.ts';
import { keepTargets, opsPorts, writePrometheus } from './observed-targets.ts';

// npm start, together with what of the observability stack is on the path: otelcol (and jaeger behind it, or a file), prometheus.
// What is not there is said and left out.

const ROOT = join(import.meta.dirname, '..');
const STACK = join(ROOT, 'k8s/observability');
const folder = resolve(process.env.WEFT_DATA || '.weft', 'observed');
const OTLP = process.env.OBSERVED_OTLP_PORT || '4318';
const OTLP_GRPC = process.env.OBSERVED_OTLP_GRPC_PORT || '4317';
const PROMETHEUS = process.env.OBSERVED_PROMETHEUS_PORT || '9090';
const has = (program: string, asked = '--version') => spawnSync(program, [asked], { stdio: 'ignore' }).status === 0;

mkdirSync(folder, { recursive: true });
const running: ChildProcess[] = [];
const start = (program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(program, [...args], { cwd: ROOT, stdio: 'ignore', env: { ...process.env, ...env } });
  child.on('exit', (code) => {
    if (!ending) console.error(`${program} ended with ${code}; Weft goes on without it`);
  });
  running.push(child);
};
let ending = false;

let stopLooking = () => {};
const lines: string[] = [];
const environment: Record<string, string> = {};
if (has('otelcol')) {
  const jaeger = has('jaeger', 'version');
  const spans = join(folder, 'spans.json');
  // Jaeger has the standard ports: the collector in front of it moves aside.
  if (jaeger) start('jaeger', ['--set', 'receivers.otlp.protocols.grpc.endpoint=127.0.0.1:14317']);
  const here = {
    receivers: {
      otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${OTLP_GRPC}` }, http: { endpoint: `127.0.0.1:${OTLP}` } } },
    },
    exporters: jaeger
      ? { 'otlp_grpc/jaeger': { endpoint: '127.0.0.1:14317' } }
      : { file: { path: spans, rotation: { max_megabytes: 50, max_backups: 2 }, flush_interval: '1s' } },
    ...(!jaeger && { service: { pipelines: { traces: { exporters: ['file'] } } } }),
  };
  const override = join(folder, 'collector.yaml');
  writeFileSync(override, JSON.stringify(here, null, 2));
  start('otelcol', ['--config', join(STACK, 'collector.yaml'), '--config', override]);
  environment.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${OTLP}`;
  lines.push(`traces      ${jaeger ? 'http://127.0.0.1:16686' : spans}`);
} else lines.push('traces      none: there is no otelcol on the path');
if (has('prometheus')) {
  stopLooking = keepTargets(folder, opsPorts(RUNNING, process.env));
  start('prometheus', [
    `--config.file=${writePrometheus(join(STACK, 'prometheus'), folder)}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    '--storage.tsdb.retention.time=7d',
    `--web.listen-address=127.0.0.1:${PROMETHEUS}`,
  ]);
  lines.push(`metrics     http://127.0.0.1:${PROMETHEUS}  (alerts: /alerts)`);
} else lines.push('metrics     none: there is no prometheus on the path');
lines.push('dashboards  k8s/observability/grafana/*.json, for a Grafana with these sources');
console.log(`${lines.map((line) => `  ${line}`).join('\n')}\n`);

const weft = spawn(process.execPath, [join(ROOT, 'services/all/src/main.ts')], {
  stdio: 'inherit',
  env: { ...process.env, ...environment },
});
const end = () => {
  ending = true;
  weft.kill('SIGTERM');
};
process.on('SIGINT', end);
process.on('SIGTERM', end);
weft.on('exit', (code) => {
  ending = true;
  stopLooking();
  for (const child of running) child.kill('SIGTERM');
  process.exitCode = code ?? 1;
});
