import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, lineWriter } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';

// The log collector's own configuration, on a real collector, whose lines go to a file instead of Loki. Skipped where there is none on
// the path that reads files.
const { stdout } = spawnSync('otelcol', ['components'], { encoding: 'utf8' });
const readsFiles = /name: filelog\b/.test(stdout ?? '') && /name: file_storage\b/.test(stdout ?? '');
const CONFIG = join(import.meta.dirname, '../../k8s/observability/collector-logs.yaml');
const POD = 'weft_orders-5d8f9c7b6-x2x4z_0b7e2f0a-3c53-4c06-9a55-6c4b7c1f2d3e';
const TRACE = '0af7651916cd43dd8448eb211c80319c';

interface Line {
  readonly body: { readonly stringValue: string };
  readonly timeUnixNano: string;
  readonly severityNumber?: number;
  readonly traceId?: string;
  readonly attributes?: readonly { readonly key: string }[];
}

interface Resource {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
}

(readsFiles ? describe : describe.skip)('the collector of log lines', () => {
  let folder: string;
  let log: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-logs-'));
    log = join(folder, POD, 'orders', '0.log');
    await mkdir(join(log, '..'), { recursive: true });
    await mkdir(join(folder, 'offsets'));
  });
  afterEach(async () => {
    await stop('SIGKILL');
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    const here = join(folder, 'here.yaml');
    const override = {
      receivers: { filelog: { include: [join(folder, 'weft_*/*/*.log')], poll_interval: '50ms' } },
      processors: { batch: { timeout: '100ms' } },
      exporters: { file: { path: join(folder, 'lines.json'), flush_interval: '100ms', append: true } },
      extensions: { file_storage: { directory: join(folder, 'offsets') } },
      service: { pipelines: { logs: { exporters: ['file'] } } },
    };
    await writeFile(here, JSON.stringify(override));
    child = spawn('otelcol', ['--config', CONFIG, '--config', here], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr?.resume();
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    child = undefined;
  }

  /** As a container runtime writes it to the file of a container. */
  const write = async (text: string) => appendFile(log, `${new Date().toISOString()} stdout F ${text.trimEnd()}\n`);

  async function handedOn(): Promise<{ line: Line; resource: Record<string, string> }[]> {
    const text = await readFile(join(folder, 'lines.json'), 'utf8').catch(() => '');
    const batches = text.trim() === '' ? [] : text.trim().split('\n');
    return batches.flatMap((batch) =>
      JSON.parse(batch).resourceLogs.flatMap(
        ({ resource, scopeLogs }: { resource: Resource; scopeLogs: { logRecords: Line[] }[] }) =>
          scopeLogs.flatMap(({ logRecords }) =>
            logRecords.map((line) => ({
              line,
              resource: Object.fromEntries(resource.attributes.map(({ key, value }) => [key, value.stringValue])),
            })),
          ),
      ),
    );
  }

  const wait = async (count: number) =>
    eventually(async () => {
      const found = await handedOn();
      if (found.length < count) throw new Error(`${found.length} of ${count}`);
      return found;
    }, 20_000);

  it('hands on each line as it was written, with its service, its pod, its level and its trace', async () => {
    const lines: string[] = [];
    const root = createLogger({ level: 'info', pretty: false, write: (line) => void lines.push(line) });
    const logger = root.child({ service: 'orders' });
    lineWriter(logger, 'call')(`"method":"weft.orders.v1.OrdersService/PlaceOrder","code":"OK","traceId":"${TRACE}"`);
    logger.error({ traceId: TRACE, err: new Error('the database is away') }, 'call failed');
    logger.warn('no trace in this one');
    lines.push('[Envoy (Epoch 0)] a line of a proxy', '{"level":"warn", cut in the middle}');
    for (const line of lines) await write(line);
    await start();

    const found = await wait(lines.length);
    expect(found.map(({ line }) => line.body.stringValue)).toEqual(lines.map((line) => line.trimEnd()));
    expect(found.map(({ line }) => [line.severityNumber ?? 0, line.traceId ?? ''])).toEqual([
      [9, TRACE],
      [17, TRACE],
      [13, ''],
      [0, ''],
      [0, ''],
    ]);
    for (const { line, resource } of found) {
      expect(resource).toMatchObject({
        'service.namespace': 'weft',
        'service.name': 'orders',
        'k8s.pod.name': 'orders-5d8f9c7b6-x2x4z',
      });
      // What is in the line is not beside it once more.
      expect((line.attributes ?? []).map(({ key }) => key)).toEqual(['log.iostream']);
      expect(Math.abs(Number(BigInt(line.timeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    }
  }, 40_000);

  it('goes on where it was when it is started again', async () => {
    await write('{"level":"info","msg":"first"}');
    await start();
    await wait(1);
    await stop('SIGTERM');
    await write('{"level":"info","msg":"second"}');
    await start();
    await wait(2);
    const messages = (await handedOn()).map(({ line }) => JSON.parse(line.body.stringValue).msg);
    expect(messages).toEqual(['first', 'second']);
  }, 60_000);
});
