import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';

const CHILD = join(import.meta.dirname, 'main-child.ts');
const running: { kill: () => void }[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill();
});

function live(life: string) {
  const child = spawn(process.execPath, [CHILD, life], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push({ kill: () => child.kill('SIGKILL') });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  return {
    said,
    ready: () => eventually(() => said.out.includes('ready'), 20_000),
    tell: (signal: NodeJS.Signals) => child.kill(signal),
    /** Its exit code, and the milliseconds that it took to end. */
    async end() {
      const began = performance.now();
      const [code, signal] = await ended;
      return { code, signal, ms: performance.now() - began };
    },
  };
}

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('that is told to stop by %s stops and exits with 0', async (signal) => {
    const child = live('well');
    await child.ready();
    child.tell(signal);
    expect(await child.end()).toMatchObject({ code: 0, signal: null });
    expect(child.said).toEqual({ out: 'ready\nstopped\n', err: '' });
  });

  it('that is told to stop while it starts stops as soon as it has', async () => {
    const child = live('is told to stop while it starts');
    expect(await child.end()).toMatchObject({ code: 0 });
    expect(child.said).toEqual({ out: 'started\nready\nstopped\n', err: '' });
  });

  it('that is told to stop and does not come to the end of its start is cut off with one line and 1', async () => {
    const child = live('never starts');
    expect(await child.end()).toMatchObject({ code: 1 });
    expect(child.said.err).toBe('weft: told to stop before it had started\n');
  });

  it('that needs its time to stop has it', async () => {
    const child = live('slow to stop');
    await child.ready();
    child.tell('SIGTERM');
    expect(await child.end()).toMatchObject({ code: 0 });
    expect(child.said.err).toBe('');
  }, 20_000);

  it('that does not stop within its time is cut off with one line and 1', async () => {
    const child = live('stuck');
    await child.ready();
    child.tell('SIGTERM');
    const { code, ms } = await child.end();
    expect(code).toBe(1);
    expect(ms).toBeLessThan(5000);
    expect(child.said.err).toBe('weft: did not stop within 200 ms\n');
  });

  it('that fails to stop says so in one line and exits with 1', async () => {
    const child = live('fails to stop');
    await child.ready();
    child.tell('SIGTERM');
    expect((await child.end()).code).toBe(1);
    expect(child.said.err).toBe('weft: the database is gone\n');
  });

  it('that was forked says when it is ready, and ends when its parent is gone', async () => {
    const child = fork(CHILD, ['stuck'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    running.push({ kill: () => child.kill('SIGKILL') });
    expect(await once(child, 'message')).toEqual(['ready', undefined]);
    const ended = once(child, 'exit');
    child.disconnect();
    expect(await ended).toEqual([1, null]);
  });

  it.each([
    ['fails to start', 'weft: port 50051 on 127.0.0.1 is in use\n'],
    ['refused', 'weft: connect ECONNREFUSED ::1:5432, connect ECONNREFUSED 127.0.0.1:5432\n'],
    ['throws text', 'weft: nothing works\n'],
    [
      'wrong settings',
      'weft: setting ORDERS_DATABASE_URL is required\nweft: setting GRPC_PORT must be a whole number\n',
    ],
  ])('that cannot start (%s) says why and exits with 1', async (life, expected) => {
    const child = live(life);
    expect((await child.end()).code).toBe(1);
    expect(child.said).toEqual({ out: '', err: expected });
  });
});
