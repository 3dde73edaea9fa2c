import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { freePorts } from '../src/system/free-ports.ts';
import { RUNNING } from '../src/system/ops.ts';
import { NOBODYS, PORTS, systemAt, weft } from './weft.ts';

jest.setTimeout(120_000);

const SINCE = '2020-01-01T00:00:00Z';

interface Row {
  readonly name: string;
  readonly serving?: boolean;
  readonly version: string;
  readonly callsPerSecond?: number;
  readonly failedShare?: number;
}
interface Request {
  readonly correlationId: string;
  readonly traces: readonly string[];
  readonly events: readonly { readonly service: string; readonly action: string }[];
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the weft command of who runs a shop', () => {
  let folder: string;
  let system: ReturnType<typeof systemAt>;
  let orderId: string;
  let run: (typeof system)['run'];
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stderr, result } = await system.json(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return result as T;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-operations-'));
    system = systemAt(await freePorts(PORTS), join(folder, 'data'));
    ({ run } = system);
    await system.start();
    ({ orderId } = await json<{ orderId: string }>('demo'));
  });
  afterAll(async () => {
    await system?.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  it('shows every service with its health and version, the gateway included', async () => {
    const rows = await json<Row[]>('status', '--once');
    expect(rows.map(({ name }) => name).sort()).toEqual([...RUNNING].sort());
    expect(rows.filter(({ serving, version }) => !serving || version === '')).toEqual([]);
    // Rates as well, though it looks but for a second.
    const numbers = rows.flatMap(({ callsPerSecond, failedShare }) => [callsPerSecond, failedShare]);
    expect(numbers.filter((one) => typeof one !== 'number')).toEqual([]);
  });

  it('asks the pods of a namespace by way of kubectl, and leaves no way open', async () => {
    // It knows one pod, and its way leads to the system of this test.
    const kubectl = join(folder, 'kubectl');
    const said = join(folder, 'kubectl.log');
    const pod = { metadata: { name: 'weft-1', labels: { 'weft.dev/track': 'stable' } }, status: {} };
    const port = new URL(system.environment.WEFT_OPS_URLS ?? '').port;
    const script = [
      '#!/bin/sh',
      `echo "$$ $*" >> ${said}`,
      `case "$*" in *port-forward*) echo "Forwarding from 127.0.0.1:${port} -> 9464"; exec sleep 60;; esac`,
      `echo '${JSON.stringify({ items: [pod] })}'`,
    ];
    await writeFile(kubectl, script.join('\n'), { mode: 0o755 });
    const environment = { ...system.environment, KUBECTL: kubectl };
    const where = ['--namespace', 'shop', '--context', 'lab'];
    const { code, stdout } = await run(['status', '--once', '--json', ...where], environment);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Row[]).map(({ name }) => name).sort()).toEqual([...RUNNING].sort());
    expect(await run(['log-level', 'warn', ...where], environment)).toMatchObject({ code: 0 });
    const commands = (await readFile(said, 'utf8')).trim().split('\n');
    const way = '--context lab --namespace shop port-forward pod/weft-1 :9464 --address 127.0.0.1';
    const ways = commands.filter((one) => one.endsWith(way));
    expect(ways).toHaveLength(2);
    for (const one of ways) await eventually(() => !isRunning(Number(one.split(' ', 1)[0])));
    expect(await run(['status', '--once', '--context', 'lab'])).toMatchObject({
      code: 1,
      stderr: 'weft: --context is of a cluster: name its --namespace too\n',
    });
  });

  it('shows what is away, with exit code 1', async () => {
    const { code, stdout } = await run(['status', '--once'], {
      ...system.environment,
      WEFT_OPS_URLS: 'http://127.0.0.1:1',
    });
    expect({ code, away: stdout.match(/ away /g)?.length }).toEqual({ code: 1, away: RUNNING.length });
  });

  it('changes how much is logged, of all processes or of the one of a service', async () => {
    const [all] = await json<{ services: string[]; level: string }[]>('log-level', 'debug');
    expect({ ...all, services: all?.services.toSorted() }).toMatchObject({
      services: [...RUNNING].sort(),
      level: 'debug',
    });
    expect(await json('log-level', 'warn', '--service', 'orders')).toMatchObject([{ level: 'warn' }]);
    expect(await run(['log-level', 'loud'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/level must be one of/),
    });
    expect(await run(['log-level', 'warn', '--service', 'nobody'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^weft: no process that runs nobody answers/),
    });
  });

  it('shows what an order’s request did in every service, and its trace', async () => {
    // What is audited gets there by events.
    const placing = await eventually(async () => {
      const requests = await json<Request[]>('trace', orderId);
      const found = requests.find(({ events }) => events.some(({ action }) => action.endsWith('order_completed')));
      if (!found) throw new Error('its end is not recorded yet');
      return found;
    }, 20_000);
    expect([...new Set(placing.events.map(({ service }) => service))]).toEqual(
      expect.arrayContaining(['orders', 'inventory', 'payments', 'shipping']),
    );
    expect(placing.traces.filter((id) => !/^[0-9a-f]{32}$/.test(id))).toEqual([]);
    expect(placing.traces.length).toBeGreaterThan(0);
    // A link only where it leads somewhere.
    const opened = async (url: string) => {
      const { stdout } = await run(['trace', orderId], { ...system.environment, WEFT_TRACES_URL: url });
      return stdout.match(/https?:\/\/\S+\/trace\//)?.[0];
    };
    expect(await opened('http://traces.example/')).toBe('http://traces.example/trace/');
    const jaeger = await fetch('http://127.0.0.1:16686').catch(() => undefined);
    expect(await opened('')).toBe(jaeger?.ok ? 'http://127.0.0.1:16686/trace/' : undefined);
    expect(await run(['trace', NOBODYS])).toEqual({
      code: 1,
      stdout: '',
      stderr: `weft: nothing is recorded of ${NOBODYS}\n`,
    });
  });

  it('does not try again what has ended, or never was', async () => {
    expect(await run(['saga', 'retry', orderId])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\(SAGA_ENDED/),
    });
    expect(await run(['saga', 'retry', NOBODYS])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\(SAGA_NOT_FOUND/),
    });
  });

  it('lists who handles events, what they gave up, and the versions of the events', async () => {
    const consumers = await json<{ name: string; service: string; deadLetters: number }[]>('events', 'consumers');
    expect(consumers.map(({ service }) => service)).toEqual(
      expect.arrayContaining(['checkout', 'orders', 'notifications']),
    );
    expect(consumers.filter(({ deadLetters }) => deadLetters !== 0)).toEqual([]);
    expect(await json('events', 'dlq', 'list')).toEqual([]);
    expect(await run(['events', 'dlq', 'redrive', NOBODYS])).toMatchObject({ code: 1, stdout: '' });
    const { stdout } = await run(['events', 'schemas']);
    expect(stdout).toContain('weft.orders.v1.order_placed');
  });

  it('asks the others about events while a service is away, and says which one that is', async () => {
    const AWAY = '127.0.0.1:1';
    const without = (service: string) => ({ ...system.environment, [`${service.toUpperCase()}_TARGET`]: AWAY });
    const silent = (service: string) => `${service} at ${AWAY} did not answer (UNAVAILABLE)`;
    const all = await json<{ name: string; service: string }[]>('events', 'consumers');
    const listed = await run(['events', 'consumers', '--json'], without('audit'));
    expect(listed).toMatchObject({ code: 1, stderr: `weft: ${silent('audit')}\n` });
    const others = all.filter(({ service }) => service !== 'audit').map(({ name }) => name);
    expect((JSON.parse(listed.stdout) as typeof all).map(({ name }) => name)).toEqual(others);
    expect(await run(['events', 'dlq', 'list', '--json'], without('audit'))).toEqual({
      code: 1,
      stdout: '[]\n',
      stderr: `weft: ${silent('audit')}\n`,
    });
    expect(await run(['events', 'schemas'], without('audit'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('weft.orders.v1.order_placed'),
      stderr: '',
    });
    // Only who has it is needed; whether somebody else has it is not known where one is away.
    const last = all.findLast(({ service }) => service === 'notifications')?.name ?? '';
    const replay = ['events', 'replay', '--consumer', last, '--from', SINCE];
    expect(await run(replay, without('catalog'))).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['events', 'dlq', 'show', NOBODYS], without('catalog'))).toEqual({
      code: 1,
      stdout: '',
      stderr: `weft: no service that answered has a dead letter ${NOBODYS}: ${silent('catalog')}\n`,
    });
    // Nobody can be asked without a token.
    expect(await run(['events', 'dlq', 'list'], without('users'))).toEqual({
      code: 1,
      stdout: '',
      stderr: `weft: not serving: users at ${AWAY} (UNAVAILABLE)\n`,
    });
  });

  it('has a consumer handle again what was published, and shows an event that it is told to wait for', async () => {
    const [first] = await json<{ name: string }[]>('events', 'consumers');
    expect(await run(['events', 'replay', '--consumer', first?.name ?? '', '--from', SINCE])).toMatchObject({
      code: 0,
    });
    const tail = weft(
      ['events', 'tail', '--json', '--type', 'weft.orders.v1.order_placed', '--from', SINCE],
      system.environment,
    );
    for await (const line of createInterface({ input: tail.child.stdout as NodeJS.ReadableStream })) {
      expect(JSON.parse(line)).toMatchObject({ type: 'weft.orders.v1.order_placed', key: orderId });
      break;
    }
    tail.child.kill('SIGINT');
    expect((await tail.ended).code).toBe(130);
  });
});
