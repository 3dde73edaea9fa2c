import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { writeLineCollector } from '../../scripts/observed-configs.ts';
import { PORTS } from '../../scripts/observed-here.ts';
import { earlierLines, keepLines } from '../../scripts/observed-lines.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-lines-'));
  file = join(folder, 'lines.json');
});
afterEach(() => rm(folder, { recursive: true }));

async function keep(chunks: readonly (string | Buffer)[], maxFile?: number): Promise<string[]> {
  const shown: string[] = [];
  const stream = new PassThrough();
  keepLines(stream, file, { show: (line) => void shown.push(line), ...(maxFile && { maxFile }) });
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  return shown;
}

it('shows every line, and keeps those that are JSON, wherever they were cut', async () => {
  await writeFile(file, '{"earlier":1}\n');
  const line = Buffer.from('{"name":"Zoë"}\nready\n');
  const shown = await keep([line.subarray(0, 12), line.subarray(12), '{"last":true}']);
  expect(shown).toEqual(['{"name":"Zoë"}', 'ready', '{"last":true}']);
  expect(await readFile(file, 'utf8')).toBe('{"earlier":1}\n{"name":"Zoë"}\n{"last":true}\n');
});

it('holds no more than two files, and no line without an end', async () => {
  await keep(
    [1, 2, 3, 4, 5].map((n) => `{"line":${n}}\n`),
    20,
  );
  expect(await readFile(earlierLines(file), 'utf8')).toBe('{"line":3}\n{"line":4}\n');
  expect(await readFile(file, 'utf8')).toBe('{"line":5}\n');
  const shown = await keep(['x'.repeat(200_000), 'y\n']);
  expect(shown.map((line) => line.length)).toEqual([200_000, 1]);
});

const STACK = join(import.meta.dirname, '../../k8s/observability');
const { stdout } = spawnSync('otelcol', ['components'], { encoding: 'utf8' });
const readsFiles = /name: filelog\b/.test(stdout ?? '') && /name: file_storage\b/.test(stdout ?? '');

// On a real collector, whose lines go to a file instead of Loki. Skipped where there is none on the path that reads files.
(readsFiles ? describe : describe.skip)('the collector of lines on one machine', () => {
  let child: ChildProcess;
  afterEach(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });

  it('hands on each line as it was written, with its service, level, trace and time', async () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', pretty: false, write: (line) => void lines.push(line) });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    logger.child({ service: 'orders' }).error({ traceId }, 'call failed');
    logger.warn('of no service');
    await keep(lines);
    const here = { stack: STACK, folder, ports: PORTS, found: {}, linesFile: file, opsPorts: [] };
    const output = join(folder, 'handed-on.json');
    const override = join(folder, 'here.json');
    const exporters = { file: { path: output, flush_interval: '100ms' } };
    await writeFile(override, JSON.stringify({ exporters, service: { pipelines: { logs: { exporters: ['file'] } } } }));
    const configs = [join(STACK, 'collector-logs.yaml'), writeLineCollector(here), override];
    child = spawn(
      'otelcol',
      configs.flatMap((one) => ['--config', one]),
      { stdio: 'ignore' },
    );
    const found = await eventually(async () => {
      const batches = (await readFile(output, 'utf8')).trim().split('\n');
      const resources = batches.flatMap((batch) => JSON.parse(batch).resourceLogs as Resource[]);
      if (resources.length < 2) throw new Error(`${resources.length} of 2`);
      return resources.flatMap(({ resource, scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) => logRecords.map((line) => ({ ...line, of: resource.attributes }))),
      );
    }, 20_000);
    const times = lines.map((line) => `${Date.parse(JSON.parse(line).time)}000000`);
    const of = (service: string) =>
      expect.arrayContaining([
        { key: 'service.namespace', value: { stringValue: 'weft' } },
        { key: 'service.name', value: { stringValue: service } },
      ]);
    const bodies = lines.map((line) => ({ stringValue: line.trimEnd() }));
    found.sort((one, other) => other.severityNumber - one.severityNumber);
    expect(found).toEqual([
      expect.objectContaining({
        body: bodies[0],
        severityNumber: 17,
        traceId,
        timeUnixNano: times[0],
        of: of('orders'),
      }),
      expect.objectContaining({ body: bodies[1], severityNumber: 13, timeUnixNano: times[1], of: of('weft') }),
    ]);
    expect(found.map(({ attributes = [] }) => attributes)).toEqual([[], []]);
  }, 40_000);
});

interface Resource {
  readonly resource: { readonly attributes: readonly object[] };
  readonly scopeLogs: readonly {
    readonly logRecords: readonly { readonly severityNumber: number; readonly attributes?: readonly object[] }[];
  }[];
}
