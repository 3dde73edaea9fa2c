import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { createMetrics, createTracing } from '@weft/kit/telemetry';
import { eventually, freePort } from '@weft/kit/testing';
import { parse } from 'yaml';
import { type Collector, startCollector } from './collector.ts';

// The collector's own configuration, on a real collector whose spans go to a file instead of Jaeger. Skipped where there is none on the path.
const hasCollector = spawnSync('otelcol', ['--version'], { stdio: 'ignore' }).status === 0;
const FOLDER = join(import.meta.dirname, '../../k8s/observability');
const [{ pull: reader }] = parse(readFileSync(join(FOLDER, 'collector.yaml'), 'utf8')).service.telemetry.metrics
  .readers;

(hasCollector ? describe : describe.skip)('a collector', () => {
  let folder: string;
  let child: ChildProcess;
  let output: string;
  let endpoint: string;
  let told: string;
  let prometheus: Collector;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-otelcol-'));
    // Of what Prometheus is sent there is nothing to be said but that it came.
    prometheus = await startCollector();
  });
  afterEach(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    await prometheus.stop();
    await rm(folder, { recursive: true });
  });

  async function start(...configs: string[]): Promise<void> {
    const [grpc, http, port] = [await freePort(), await freePort(), await freePort()];
    output = join(folder, 'spans.json');
    const here = join(folder, 'here.yaml');
    await writeFile(
      here,
      JSON.stringify({
        receivers: {
          otlp: {
            protocols: { grpc: { endpoint: `127.0.0.1:${grpc}` }, http: { endpoint: `127.0.0.1:${http}` } },
          },
        },
        ...(configs.length > 1 && { processors: { tail_sampling: { decision_wait: '1s' } } }),
        exporters: {
          file: { path: output, flush_interval: '100ms' },
          'otlp_http/prometheus': { endpoint: prometheus.endpoint, retry_on_failure: { enabled: false } },
        },
        service: {
          telemetry: {
            metrics: {
              readers: [
                { pull: { exporter: { prometheus: { ...reader.exporter.prometheus, host: '127.0.0.1', port } } } },
              ],
            },
          },
          pipelines: { traces: { exporters: ['file'] } },
        },
      }),
    );
    const args = [...configs.map((one) => join(FOLDER, one)), here].flatMap((path) => ['--config', path]);
    child = spawn('otelcol', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr?.on('data', (data) => {
      errors += String(data);
    });
    endpoint = `http://127.0.0.1:${http}`;
    told = `http://127.0.0.1:${port}/metrics`;
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(errors);
      await fetch(endpoint, { signal: AbortSignal.timeout(500) });
    }, 15_000);
  }

  const spansWritten = async () => readFile(output, 'utf8').catch(() => '');

  /** A trace of one span. */
  function send(count: number, error?: string): { ids: string[]; stop: () => Promise<void> } {
    const tracing = createTracing({ service: 'orders', version: '1', ratio: 1, endpoint });
    const ids = Array.from({ length: count }, () => {
      const context = tracing.start();
      const now = Date.now();
      const span = { name: 'work', kind: SpanKind.SERVER, context, startTime: now, endTime: now + 1, attributes: {} };
      tracing.record(error === undefined ? span : { ...span, error });
      return context.traceId;
    });
    return { ids, stop: () => tracing.stop() };
  }

  it('hands on what the services sampled', async () => {
    await start('collector.yaml');
    const { ids, stop } = send(20);
    await stop();
    await eventually(async () => {
      const written = await spansWritten();
      const missing = ids.filter((id) => !written.includes(id));
      if (missing.length > 0) throw new Error(`${missing.length} are missing`);
    }, 10_000);
  }, 40_000);

  it('hands on the metrics that a service sends it', async () => {
    await start('collector.yaml');
    const push = { service: 'orders', url: `${endpoint}/v1/metrics`, every: 500 };
    const metrics = createMetrics('1', push);
    metrics.meter.createCounter('weft.orders.counted').add(3);
    const came = () => Buffer.concat(prometheus.bodies).includes('weft.orders.counted');
    try {
      await eventually(came, 10_000);
    } finally {
      await metrics.stop();
    }
  }, 40_000);

  it('tells Prometheus what it cannot hand on, by the names that an alert asks for', async () => {
    await start('collector.yaml');
    await prometheus.stop();
    const metrics = createMetrics('1', { service: 'orders', url: `${endpoint}/v1/metrics`, every: 500 });
    try {
      await eventually(async () => {
        const [, lost] = /^otelcol_exporter_send_failed_metric_points_total\{.*\} (\d+)/m.exec(
          await (await fetch(told)).text(),
        ) ?? ['', '0'];
        if (Number(lost) === 0) throw new Error('nothing is lost');
      }, 20_000);
    } finally {
      await metrics.stop();
      prometheus = await startCollector();
    }
  }, 40_000);

  it('that samples itself keeps every trace that failed, and few of the others', async () => {
    await start('collector.yaml', 'collector-tail.yaml');
    const well = send(300);
    const failed = send(20, 'INTERNAL');
    await Promise.all([well.stop(), failed.stop()]);
    await eventually(async () => {
      const written = await spansWritten();
      if (failed.ids.some((id) => !written.includes(id))) throw new Error('not all that failed are there');
    }, 20_000);
    const written = await spansWritten();
    expect(well.ids.filter((id) => written.includes(id)).length).toBeLessThan(60);
  }, 60_000);
});
