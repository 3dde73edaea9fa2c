import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { callMetrics } from '@weft/kit/rpc';
import { createMetrics } from '@weft/kit/telemetry';
import { type Calls, faults, parseCalls, quantile, since, together, total } from '../src/canary/metrics.ts';
import { openRelease, type Release, upgradeArguments } from '../src/canary/release.ts';
import { judge } from '../src/canary/verdict.ts';
import { abortCanary, startCanary } from '../src/commands/canary.ts';

type Observed = Parameters<ReturnType<typeof callMetrics>>[0];

/** The metrics of a process that has served these calls, as it would be scraped: [code, milliseconds, how often]. */
async function scraped(version: string, ...served: readonly (readonly [keyof typeof status, number, number])[]) {
  const metrics = createMetrics(version);
  const observe = callMetrics(metrics, 'users', version);
  for (const [code, duration, times] of served) {
    const outcome = code === 'OK' ? undefined : { code: status[code] };
    const call = { side: 'server', method: { name: 'weft.orders.v1.OrdersService/GetOrder' }, duration, outcome };
    for (let count = 0; count < times; count++) observe(call as Observed);
  }
  observe({ side: 'client', method: { name: 'weft.catalog.v1.CatalogService/GetProduct' }, duration: 9e3 } as Observed);
  const server = createServer((request, response) => metrics.scrape(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).text();
  } finally {
    server.close();
    await metrics.stop();
  }
}

const calls = async (...served: Parameters<typeof scraped> extends [string, ...infer S] ? S : never): Promise<Calls> =>
  parseCalls(await scraped('1', ...served));

describe('what the metrics of a service say', () => {
  it('is how many calls it served, how many failed by its own fault, and how long they took', async () => {
    const found = await calls(['OK', 4, 90], ['NOT_FOUND', 1, 5], ['INTERNAL', 40, 3], ['UNAVAILABLE', 40, 2]);
    expect(Object.fromEntries(found.byCode)).toEqual({ OK: 90, NOT_FOUND: 5, INTERNAL: 3, UNAVAILABLE: 2 });
    expect([total(found), faults(found)]).toEqual([100, 5]);
    expect(quantile(found, 0.5)).toBeGreaterThan(0.0025);
    expect(quantile(found, 0.5)).toBeLessThanOrEqual(0.005);
    expect(quantile(found, 0.99)).toBeGreaterThan(0.025);
    expect(quantile(found, 0.99)).toBeLessThanOrEqual(0.05);
  });

  it('is nothing for a process that has served nothing', () => {
    const none = parseCalls('# TYPE up gauge\nup 1\n');
    expect([total(none), faults(none), quantile(none, 0.99)]).toEqual([0, 0, undefined]);
  });

  it('is told between two looks, and from the beginning when the process has started anew', async () => {
    const before = await calls(['OK', 4, 10]);
    const after = await calls(['OK', 4, 25], ['INTERNAL', 4, 5]);
    expect(Object.fromEntries(since(before, after).byCode)).toEqual({ OK: 15, INTERNAL: 5 });
    expect(total(since(after, before))).toBe(10);
    expect(total(together([before, after]))).toBe(40);
  });
});

describe('a canary', () => {
  const good = calls(['OK', 4, 1800], ['INTERNAL', 4, 2]);

  it('is as good with the same share of failures, whatever its callers did wrong', async () => {
    expect(judge(await good, await calls(['OK', 4, 150], ['NOT_FOUND', 1, 50])).verdict).toBe('as good');
  });

  it('is not worse for a single failure', async () => {
    expect(judge(await good, await calls(['OK', 4, 499], ['INTERNAL', 4, 1])).verdict).toBe('as good');
  });

  it.each([[20], [200]])('is worse when every call of %i fails, or a tenth of them', async (count) => {
    expect(judge(await good, await calls(['UNAVAILABLE', 1, count * 3])).verdict).toBe('worse');
    const tenth = judge(await good, await calls(['OK', 4, count * 9], ['UNKNOWN', 1, count]));
    expect(tenth).toEqual({ verdict: 'worse', reason: 'it fails 10.00 % of its calls, the stable version 0.11 %' });
  });

  it('is worse when it is much slower', async () => {
    const slow = judge(await good, await calls(['OK', 4, 150], ['OK', 300, 50]));
    expect(slow.verdict).toBe('worse');
    expect(slow.reason).toMatch(/^its p99 is 4\d\d\.\d ms, that of the stable version [45]\.\d ms$/);
  });

  it('is not judged by a few calls', async () => {
    expect(judge(await good, await calls(['INTERNAL', 4, 49])).verdict).toBe('too few calls');
  });
});

describe('the values of a release', () => {
  const place = { helm: 'helm', kubectl: 'kubectl', namespace: 'shop', name: 'weft', service: 'orders' };
  const whole: Release = { ...place, chart: 'charts/weft', prefix: 'orders.' };

  it('are changed under the name of the service, and no others', () => {
    const args = upgradeArguments(
      whole,
      { 'canary.enabled': true, 'canary.image.tag': '12', 'canary.match': null },
      'ready',
    );
    const where = ['upgrade', 'weft', 'charts/weft', '--namespace', 'shop'];
    expect(args.slice(0, 6)).toEqual([...where, '--reset-then-reuse-values']);
    expect(args.slice(-6)).toEqual([
      '--set',
      'orders.canary.enabled=true',
      '--set-string',
      'orders.canary.image.tag=12',
      '--set',
      'orders.canary.match=null',
    ]);
  });

  it('of a service alone have no name before them, and a text is never more than one value', () => {
    const args = upgradeArguments(
      { ...whole, prefix: '' },
      { 'canary.match.x-canary': 'yes,canary.weight=100' },
      'ready',
    );
    expect(args.at(-1)).toBe('canary.match.x-canary=yes\\,canary.weight\\=100');
  });
});

describe('a release', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-release-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** @param installed the chart of the release and its version @param here the version of the chart beside the command */
  async function opened(installed: { chart: string; version: string }, here: string) {
    // Stands for helm, which asks a cluster.
    const helm = join(folder, 'helm');
    const chart = `apiVersion: v2\nappVersion: 9.9.9\ndependencies:\n- name: service\n  version: 8.8.8\nversion: ${here}\n`;
    const answers = JSON.stringify({ get: JSON.stringify(installed), show: chart });
    const script = `#!${process.execPath}\nprocess.stdout.write((${answers})[process.argv[2]]);\n`;
    await writeFile(helm, script, { mode: 0o755 });
    const place = { helm, kubectl: 'kubectl', namespace: 'shop' };
    return openRelease(place, 'weft', 'orders', (name) => `charts/${name}`);
  }

  it('of all services has those of one under its name, and one of charts/service has no other', async () => {
    const whole = await opened({ chart: 'weft', version: '0.1.0' }, '0.1.0');
    expect(whole).toMatchObject({ name: 'weft', service: 'orders', chart: 'charts/weft', prefix: 'orders.' });
    expect(await opened({ chart: 'service', version: '0.1.0' }, '"0.1.0"')).toMatchObject({ prefix: '' });
  });

  it('of another version of the chart, or of another chart, is left as it is', async () => {
    await expect(opened({ chart: 'weft', version: '0.1.0' }, '0.2.0')).rejects.toThrow(
      'release weft is of chart weft 0.1.0, and charts/weft is 0.2.0: upgrade the release first, or name its own chart with --chart',
    );
    await expect(opened({ chart: 'nats', version: '1.0.0' }, '1.0.0')).rejects.toThrow('and not of weft or service');
  });
});

describe('a canary that never gets ready', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-unready-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Upgrades that helm is asked for, each with how it waits. */
  async function upgrades(work: () => Promise<void>, canary: object): Promise<string[]> {
    const asked = join(folder, 'asked');
    const metadata = { chart: 'service', version: '1' };
    const script = `#!${process.execPath}
const args = process.argv.slice(2);
require('node:fs').appendFileSync(${JSON.stringify(asked)}, args.join(' ') + '\\n');
const values = ${JSON.stringify({ canary })};
const answers = { metadata: ${JSON.stringify(metadata)}, values };
process.stdout.write(args[0] === 'show' ? 'version: 1\\n' : JSON.stringify(answers[args[1]] ?? {}));
`;
    await writeFile(asked, '');
    await writeFile(join(folder, 'helm'), script, { mode: 0o755 });
    const before = process.env.HELM;
    process.env.HELM = join(folder, 'helm');
    try {
      await work();
    } finally {
      if (before === undefined) delete process.env.HELM;
      else process.env.HELM = before;
    }
    return (await readFile(asked, 'utf8')).split('\n').filter((line) => line.startsWith('upgrade'));
  }

  const options = { namespace: 'shop', release: 'orders', json: true };

  it('is taken back by the very command that has started it, which helm does not do afterwards', async () => {
    const start = () => startCanary('orders', { ...options, tag: '2', weight: 10, header: {} });
    const [made, shared, ...more] = await upgrades(start, {});
    expect(made).toMatch(/--atomic .*canary\.enabled=true/);
    expect(made).toContain('canary.weight=0');
    expect(shared).toMatch(/--wait .*canary\.weight=10/);
    expect(more).toEqual([]);
  });

  it('is ended without waiting for it', async () => {
    const abort = () => abortCanary('orders', options);
    const [left, gone] = await upgrades(abort, { enabled: true, weight: 10 });
    expect(left).toContain('canary.weight=0');
    expect(left).not.toContain('--wait');
    expect(gone).toMatch(/--wait .*canary\.enabled=false/);
  });
});
