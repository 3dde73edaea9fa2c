import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { type Supervisor, supervise } from '../src/supervisor.ts';

const entry = join(import.meta.dirname, 'supervised.ts');
const one = (name: string, life: string) => ({ name, entry, environment: { LIFE: life } });

let supervisor: Supervisor | undefined;
let told: string[] = [];
afterEach(async () => {
  await supervisor?.stop(1000);
  supervisor = undefined;
  told = [];
});

async function start(...processes: ReturnType<typeof one>[]): Promise<Supervisor> {
  supervisor = await supervise(processes, (line) => told.push(line));
  return supervisor;
}

describe('the supervisor', () => {
  it('throws the reason of a process that cannot start, with its name, and leaves none running', async () => {
    const error = await start(one('users', 'well'), one('orders', 'wrong')).catch((thrown: Error) => thrown);
    expect(error).toEqual(new Error('orders: setting GRPC_PORT must be a whole number'));
    expect(told).toEqual([]);
  });

  it('starts a process again that has ended, and gives up when it ends too often', async () => {
    const { failed } = await start(one('users', 'well'), one('orders', 'short'));
    expect((await failed).message).toBe('orders ended 6 times within a minute, the last time with: exit code 3');
    expect(told).toEqual(Array.from({ length: 5 }, () => 'weft: orders ended (exit code 3) and is started again'));
  }, 20_000);

  it('kills what does not stop in its time', async () => {
    const { stop } = await start(one('users', 'deaf'));
    const began = performance.now();
    await stop(200);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('starts nothing again once it stops', async () => {
    const { stop, failed } = await start(one('orders', 'short'));
    await eventually(() => told.length > 0);
    await stop(1000);
    // Without the stop it would have given up by then.
    const gaveUp = await Promise.race([failed.then(() => true), delay(5000, false)]);
    expect(gaveUp).toBe(false);
  });
});
