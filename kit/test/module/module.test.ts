import { describe, expect, it } from '@jest/globals';
import { inDependencyOrder, type Module, startModules, stopModules } from '@weft/kit/module';

interface Life {
  readonly start?: () => Promise<void>;
  readonly stop?: (graceMs: number) => Promise<void>;
}

/** Modules that write down what becomes of them. */
function modules(needs: Readonly<Record<string, readonly string[]>>, lives: Readonly<Record<string, Life>> = {}) {
  const events: string[] = [];
  const all = Object.entries(needs).map(
    ([name, others]): Module => ({
      name,
      needs: others,
      async start() {
        events.push(`start ${name}`);
        await lives[name]?.start?.();
      },
      announceStop: () => void events.push(`announce ${name}`),
      async stop(graceMs) {
        events.push(`stop ${name}`);
        await lives[name]?.stop?.(graceMs);
      },
    }),
  );
  return { all, events };
}

const fail = (message: string) => async () => {
  throw new Error(message);
};
const shop = {
  orders: ['catalog'],
  checkout: ['orders', 'payments'],
  catalog: ['inventory'],
  payments: [],
  inventory: [],
};

describe('modules', () => {
  it('start in the order of what they need, and stop in reverse, after all have announced it', async () => {
    const { all, events } = modules(shop);
    await startModules(all, 100);
    expect(events).toEqual(['inventory', 'catalog', 'orders', 'payments', 'checkout'].map((name) => `start ${name}`));
    events.length = 0;
    await stopModules(all, { drainMs: 0, graceMs: 100 });
    const stops = ['checkout', 'payments', 'orders', 'catalog', 'inventory'].map((name) => `stop ${name}`);
    expect(events).toEqual([...Object.keys(shop).map((name) => `announce ${name}`), ...stops]);
  });

  it('need not have in their process what they need', () => {
    const { all } = modules({ orders: ['catalog', 'elsewhere'], catalog: [] });
    expect(inDependencyOrder(all).map(({ name }) => name)).toEqual(['catalog', 'orders']);
  });

  it.each([
    ['one that needs itself', { orders: ['orders'] }, 'orders -> orders'],
    ['two that need each other', { orders: ['catalog'], catalog: ['orders'] }, 'orders -> catalog -> orders'],
    ['a ring', { a: ['b'], b: ['c'], c: ['a'] }, 'a -> b -> c -> a'],
  ])('are refused when they are %s', async (_, needs, ring) => {
    const { all, events } = modules(needs);
    await expect(startModules(all, 100)).rejects.toThrow(`modules need each other: ${ring}`);
    expect(events).toEqual([]);
  });

  it('are stopped again when one of them fails to start, which says why', async () => {
    const lives = { orders: { start: fail('no database') }, catalog: { stop: fail('will not stop') } };
    const { all, events } = modules(shop, lives);
    await expect(startModules(all, 100)).rejects.toThrow('no database');
    expect(events.filter((event) => !event.startsWith('announce'))).toEqual([
      'start inventory',
      'start catalog',
      'start orders',
      'stop orders',
      'stop catalog',
      'stop inventory',
    ]);
  });

  it('are all stopped, also when one of them fails to', async () => {
    const { all, events } = modules(shop, { checkout: { stop: fail('will not stop') } });
    await expect(stopModules(all, { drainMs: 0, graceMs: 100 })).rejects.toThrow('will not stop');
    expect(events.filter((event) => event.startsWith('stop'))).toHaveLength(5);
  });

  it('share the time that they have to stop', async () => {
    const given: number[] = [];
    const slow = {
      stop: async (graceMs: number) => {
        given.push(graceMs);
        await new Promise((resolve) => setTimeout(resolve, graceMs));
      },
    };
    const { all } = modules(shop, Object.fromEntries(Object.keys(shop).map((name) => [name, slow])));
    const began = performance.now();
    await stopModules(all, { drainMs: 0, graceMs: 200 });
    expect(performance.now() - began).toBeLessThan(2000);
    expect(given[0]).toBeGreaterThan(150);
    for (const later of given.slice(1)) expect(later).toBeLessThan(100);
    for (const later of given) expect(later).toBeGreaterThan(0);
  });

  it('wait, after they have announced their stop, until callers have seen it', async () => {
    let stopped = 0;
    const stop = async () => {
      stopped = performance.now();
    };
    const { all } = modules({ orders: [] }, { orders: { stop } });
    const announced = performance.now();
    await stopModules(all, { drainMs: 100, graceMs: 100 });
    expect(stopped - announced).toBeGreaterThanOrEqual(95);
  });

  it('stop only when nobody calls any more, however late that is', async () => {
    let [answered, stopped] = [0, 0];
    const stop = async () => {
      stopped = performance.now();
    };
    const { all } = modules({ orders: [] }, { orders: { stop } });
    const called = all.map((one) => ({ ...one, answered: () => answered }));
    let last = 0;
    const calling = setInterval(() => {
      answered++;
      last = performance.now();
      if (answered === 15) clearInterval(calling);
    }, 100);
    await stopModules(called, { drainMs: 50, graceMs: 20_000 });
    expect(answered).toBe(15);
    expect(stopped - last).toBeGreaterThanOrEqual(2990);
    expect(stopped - last).toBeLessThan(10_000);
  });

  it('wait no longer than half of their time for who goes on calling', async () => {
    let answered = 0;
    const given: number[] = [];
    const stop = async (graceMs: number) => void given.push(graceMs);
    const { all } = modules({ orders: [] }, { orders: { stop } });
    await stopModules(
      all.map((one) => ({ ...one, answered: () => answered++ })),
      { drainMs: 50, graceMs: 1000 },
    );
    expect(given[0]).toBeLessThanOrEqual(550);
    expect(given[0]).toBeGreaterThan(0);
  });
});
