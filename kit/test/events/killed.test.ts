import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Bus } from '../../src/events/index.ts';
import { KEYS, numbered, OTHER_TYPE, upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { onEachBus, type TestDriver } from './drivers.ts';

onEachBus((open) => {
  let driver: TestDriver;
  let bus: Bus;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    driver = await open();
    bus = await driver.open();
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await bus.close();
    await driver.close();
  });

  const script = fileURLToPath(new URL('mortal.ts', import.meta.url));
  /** Starts processes until the rest is handled and the message buried; what they say. */
  async function untilHandled(args: readonly string[], rest: readonly number[], most: number) {
    const handled: number[] = [];
    const causes: string[] = [];
    let deaths = 0;
    const isOver = async () =>
      rest.every((n) => handled.includes(n)) && causes.length > 0 && (await bus.deadLetters()).length > 0;
    while (!(await isOver())) {
      const all = ['--disable-warning=ExperimentalWarning', script, driver.kind, driver.url, ...args];
      const running = spawn(process.execPath, all, { stdio: ['pipe', 'pipe', 'inherit'] });
      child = running;
      running.stdout.on('data', (chunk) => {
        for (const line of String(chunk).trim().split('\n')) {
          if (/^\d+$/.test(line)) handled.push(Number(line));
          else causes.push(line);
        }
      });
      const died = once(running, 'close').then(() => true);
      if (await Promise.race([died, eventually(isOver, 60_000).then(() => false)])) deaths++;
      expect(deaths).toBeLessThanOrEqual(most);
    }
    return { handled, causes, deaths };
  }

  it.each([
    ['one key', ['a']],
    ['many keys', KEYS],
  ])(
    'buries a message that kills its process every time, and handles the rest: of %s',
    async (_, keys) => {
      await bus.publish(upTo(40).map((n) => numbered(keys[n % keys.length] as string, n)));
      const rest = upTo(40).filter((n) => n !== 20);
      const { handled, causes, deaths } = await untilHandled(['20'], rest, 4);
      // Perhaps once in a batch, where nobody knows which message it was, and then alone as often as is allowed.
      expect(deaths).toBeGreaterThanOrEqual(3);
      if (keys.length === 1) expect([...new Set(handled)]).toEqual(rest);
      expect(causes).toEqual(['killed']);
      const letters = await bus.deadLetters('counter');
      expect(letters).toHaveLength(1);
      expect(letters[0]).toMatchObject({ deliveries: 3, error: 'Error: the process ended each time it was handled' });
    },
    150_000,
  );

  it('does not blame it on what another consumer of the process had in hand', async () => {
    await bus.publish([numbered('a', 20), numbered('b', 21, OTHER_TYPE)]);
    const { causes } = await untilHandled(['20', 'beside'], [21], 4);
    expect(causes).toEqual(['killed']);
    expect((await bus.deadLetters()).map(({ consumer }) => consumer)).toEqual(['counter']);
  }, 100_000);
});
