import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, freePort } from '@weft/kit/testing';
import { type Pane, startPane } from '../../scripts/observed-pane.ts';
import { shopProcess } from './process.ts';

const STACK = join(import.meta.dirname, '../../k8s/observability');
const CONTRIB = 'receivers:\n  - name: otlp\n  - name: filelog\nextensions:\n  - name: file_storage\n';
const has = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

interface Ran {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

let root: string;
let folder: string;
let pane: Pane | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-pane-'));
  folder = join(root, 'data');
  await mkdir(join(root, 'bin'));
});
afterEach(async () => {
  await pane?.stop();
  pane = undefined;
  await rm(root, { recursive: true });
});

const start = (environment: Record<string, string> = {}) => {
  const PATH = join(root, 'bin');
  pane = startPane({ stack: STACK, folder, opsPorts: [1], environment: { PATH, ...environment }, ended: () => {} });
  return pane;
};

/** Puts programs on the path that tell a version, note how they were started, and run until they are asked to stop. */
async function onPath(names: readonly string[], { components = '', stubborn = false } = {}): Promise<void> {
  for (const name of names) {
    const text = `#!${process.execPath}
      const [, , ...args] = process.argv;
      if (['--version', 'version', '-v'].includes(args[0])) process.exit(0);
      if (args[0] === 'components') { console.log(${JSON.stringify(components)}); process.exit(0); }
      process.on('SIGTERM', () => ${stubborn ? '{}' : 'process.exit(0)'});
      setInterval(() => {}, 1000);
      const ran = JSON.stringify({ program: ${JSON.stringify(name)}, args, env: process.env, pid: process.pid });
      require('node:fs').appendFileSync(${JSON.stringify(join(root, 'ran'))}, ran + '\\n');`;
    await writeFile(join(root, 'bin', name), text);
    await chmod(join(root, 'bin', name), 0o755);
  }
}

/** How so many programs were started. */
const ran = (count: number) =>
  eventually(async () => {
    const lines = (await readFile(join(root, 'ran'), 'utf8')).trim().split('\n');
    if (lines.length < count) throw new Error(`${lines.length} of ${count}`);
    return lines.map((line) => JSON.parse(line) as Ran & { pid: number });
  }, 15_000);

const written = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8'));

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('names each program that is not on the path, in a line of its own', () => {
  const { says, environment, linesFile } = start();
  expect(says.map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ['spans', 'none: there is no otelcol or otelcol-contrib on the path'],
    ['traces', 'none: there is no jaeger on the path'],
    ['metrics', 'none: there is no prometheus on the path'],
    ['alerts', 'none: there is no alertmanager or prometheus-alertmanager on the path'],
    ['lines', 'none: there is no loki on the path'],
    ['dashboards', 'none: there is no grafana or grafana-server on the path'],
  ]);
  expect([environment, linesFile]).toEqual([{}, undefined]);
});

it('starts all that are there on loopback, with their data in its folder, each knowing the others', async () => {
  await onPath(['otelcol', 'jaeger', 'prometheus', 'prometheus-alertmanager', 'loki', 'grafana'], {
    components: CONTRIB,
  });
  await mkdir(join(root, 'conf'));
  await writeFile(join(root, 'conf/defaults.ini'), '');
  const { environment, linesFile } = start({ OBSERVED_LOKI_PORT: '3999' });
  expect(environment).toEqual({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' });
  expect(linesFile).toBe(join(folder, 'lines.json'));
  const all = await ran(7);
  const of = (program: string) => all.filter((one) => one.program === program);

  expect(of('otelcol').map(({ args }) => args)).toEqual(
    expect.arrayContaining([
      ['--config', join(STACK, 'collector.yaml'), '--config', join(folder, 'collector.yaml')],
      ['--config', join(STACK, 'collector-logs.yaml'), '--config', join(folder, 'collector-logs.yaml')],
    ]),
  );
  expect(of('prometheus-alertmanager')[0]?.args).toEqual([
    `--config.file=${join(STACK, 'alertmanager.yaml')}`,
    `--storage.path=${join(folder, 'alertmanager')}`,
    '--web.listen-address=127.0.0.1:9093',
    '--cluster.listen-address=',
  ]);
  expect(of('prometheus')[0]?.args).toContain('--web.listen-address=127.0.0.1:9090');
  expect(await written('prometheus.json')).toMatchObject({
    global: { external_labels: { grafana: 'http://127.0.0.1:3000' } },
    alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
  });
  expect(of('loki')[0]?.args).toEqual([`-config.file=${join(folder, 'loki.yaml')}`]);
  const loki = await written('loki.yaml');
  expect(loki.server).toMatchObject({ http_listen_address: '127.0.0.1', grpc_listen_address: '127.0.0.1' });
  // Nothing of a path of the cluster is left.
  expect(JSON.stringify(loki)).not.toMatch(/"\/loki/);
  const lines = await written('collector-logs.yaml');
  expect(lines.receivers.filelog.include).toEqual([join(folder, 'lines.json'), join(folder, 'lines.1.json')]);
  expect(lines.exporters['otlp_http/loki'].endpoint).toBe('http://127.0.0.1:3999/otlp');
  const types = lines.receivers.filelog.operators.map(({ type }: { type: string }) => type);
  const read = ['json_parser', 'severity_parser', 'trace_parser', 'copy', 'time_parser', 'remove'];
  expect(types).toEqual(['add', 'add', ...read]);

  const [grafana] = of('grafana');
  expect(grafana?.args).toEqual(['server', `--homepath=${root}`]);
  expect(grafana?.env).toMatchObject({
    GF_SERVER_HTTP_ADDR: '127.0.0.1',
    GF_PATHS_DATA: join(folder, 'grafana'),
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
  });
  const { datasources } = await written('grafana/provisioning/datasources/datasources.yaml');
  expect(datasources.map(({ uid, url }: { uid: string; url: string }) => [uid, url])).toEqual([
    ['prometheus', 'http://127.0.0.1:9090'],
    ['alertmanager', 'http://127.0.0.1:9093'],
    ['loki', 'http://127.0.0.1:3999'],
    ['jaeger', 'http://127.0.0.1:16686'],
  ]);
  const { providers } = await written('grafana/provisioning/dashboards/dashboards.yaml');
  expect(providers[0].options.path).toBe(join(STACK, 'grafana'));

  await pane?.stop();
  expect(all.filter(({ pid }) => alive(pid))).toEqual([]);
}, 40_000);

it('says where Loki gets no lines, and Grafana asks nobody who is not there', async () => {
  await onPath(['otelcol', 'loki', 'grafana-server'], { components: 'receivers:\n  - name: otlp\n' });
  await mkdir(join(root, 'share/grafana/conf'), { recursive: true });
  await writeFile(join(root, 'share/grafana/conf/defaults.ini'), '');
  const { says, linesFile } = start();
  const otelcol = join(root, 'bin/otelcol');
  expect(says).toContain(
    `  lines       http://127.0.0.1:3100  (gets none: ${otelcol} has no filelog or no file_storage)`,
  );
  expect(linesFile).toBeUndefined();
  const all = await ran(3);
  expect(all.map(({ program }) => program).sort()).toEqual(['grafana-server', 'loki', 'otelcol']);
  const grafana = all.find(({ program }) => program === 'grafana-server');
  expect(grafana?.args).toEqual([`--homepath=${join(root, 'share/grafana')}`]);
  const { datasources, deleteDatasources } = await written('grafana/provisioning/datasources/datasources.yaml');
  expect(datasources.map(({ uid }: { uid: string }) => uid)).toEqual(['loki']);
  expect(deleteDatasources.map(({ name }: { name: string }) => name)).toEqual(['Prometheus', 'Alertmanager', 'Jaeger']);
}, 40_000);

it('kills a program that does not stop when it is asked to', async () => {
  await onPath(['jaeger'], { stubborn: true });
  const { environment, stop } = start();
  expect(environment).toEqual({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' });
  const [jaeger] = await ran(1);
  expect(jaeger?.args).toContain('receivers.otlp.protocols.http.endpoint=127.0.0.1:4318');
  await stop();
  expect(alive(jaeger?.pid ?? 0)).toBe(false);
}, 40_000);

it('runs beside the shop, is handed its lines, and ends with it', async () => {
  await onPath(['otelcol', 'loki', 'prometheus'], { components: CONTRIB });
  const ports = { OBSERVED_OTLP_PORT: String(await freePort()) };
  const shop = await shopProcess(root, { mode: 'observed', env: { PATH: join(root, 'bin'), ...ports } });
  folder = join(root, 'observed');
  await shop.start();
  try {
    expect(shop.output()).toMatch(/^ {2}lines {7}http:\/\/127\.0\.0\.1:3100$/m);
    expect(shop.output()).toContain('  dashboards  none: there is no grafana or grafana-server on the path');
    expect((await fetch(`${shop.gateway}/api/v2/products`)).status).toBe(200);
    const lines = await eventually(async () => {
      const text = await readFile(join(folder, 'lines.json'), 'utf8');
      if (!text.includes('"service":"catalog"')) throw new Error('no line of the call yet');
      return text.trim().split('\n');
    }, 15_000);
    expect(lines.map((line) => JSON.parse(line)).filter(({ level, time }) => !level || !time)).toEqual([]);
    // In the terminal it is as with npm start.
    expect(shop.output()).not.toContain('"level":"info"');
  } finally {
    await shop.stop('SIGTERM');
  }
  const all = await ran(4);
  expect(all.filter(({ pid }) => alive(pid))).toEqual([]);
  expect(shop.output()).not.toContain('Weft goes on without it');
}, 120_000);

const alertmanager = ['alertmanager', 'prometheus-alertmanager'].find(has);
(alertmanager && has('prometheus') ? describe : describe.skip)('a real Prometheus and a real Alertmanager', () => {
  it('find each other', async () => {
    const [metrics, alerts] = [await freePort(), await freePort()];
    // Of the others nothing is to be started.
    for (const name of ['prometheus', alertmanager ?? '']) {
      const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
      await writeFile(join(root, 'bin', name), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, { mode: 0o755 });
    }
    start({ OBSERVED_PROMETHEUS_PORT: String(metrics), OBSERVED_ALERTMANAGER_PORT: String(alerts) });
    const found = await eventually(async () => {
      const answer = await fetch(`http://127.0.0.1:${metrics}/api/v1/alertmanagers`);
      const { data } = (await answer.json()) as { data: { activeAlertmanagers: { url: string }[] } };
      if (data.activeAlertmanagers.length === 0) throw new Error('none yet');
      return data.activeAlertmanagers;
    }, 30_000);
    expect(found).toEqual([{ url: `http://127.0.0.1:${alerts}/api/v2/alerts` }]);
    const told = { labels: { alertname: 'Told' } };
    await eventually(async () => {
      const { ok } = await fetch(`http://127.0.0.1:${alerts}/-/ready`);
      return ok;
    }, 15_000);
    const headers = { 'content-type': 'application/json' };
    const url = `http://127.0.0.1:${alerts}/api/v2/alerts`;
    expect((await fetch(url, { method: 'POST', headers, body: JSON.stringify([told]) })).status).toBe(200);
    expect(await (await fetch(url)).json()).toMatchObject([told]);
  }, 60_000);
});

(has('amtool') ? it : it.skip)('gives Alertmanager a configuration that amtool takes', () => {
  const run = spawnSync('amtool', ['check-config', join(STACK, 'alertmanager.yaml')], { encoding: 'utf8' });
  expect([run.status, run.stdout]).toEqual([0, expect.stringContaining('SUCCESS')]);
});
