import { describe, expect, it } from '@jest/globals';
import type { OrderChange, OrdersStore } from '../src/app/ports.ts';
import { watchOrder } from '../src/app/watch-order.ts';

const change = (version: bigint, settled = false): OrderChange => ({
  orderId: 'o',
  version,
  status: 'placed',
  reason: '',
  changedAt: new Date(0),
  settled,
});

/** An order whose changes the test adds, and those who watch it. */
class Watched {
  readonly changes: OrderChange[] = [change(1n)];
  readonly wakes = new Set<() => void>();
  /** Called between the read and its answer. */
  whileReading = () => {};
  reads = 0;

  readonly store = {
    changes: async (_: string, after: bigint | undefined) => {
      this.reads++;
      const found = after === undefined ? this.changes.slice(-1) : this.changes.filter((one) => one.version > after);
      this.whileReading();
      return found;
    },
  } as unknown as OrdersStore;

  readonly wakeups = {
    watch: (_: string, wake: () => void) => {
      this.wakes.add(wake);
      return () => void this.wakes.delete(wake);
    },
  };

  add(one: OrderChange): void {
    this.changes.push(one);
    for (const wake of this.wakes) wake();
  }

  watch(after: bigint | undefined, signal = new AbortController().signal) {
    return watchOrder(this.store, this.wakeups, 'o', after, signal);
  }
}

describe('watching an order', () => {
  it('misses no change that is made while the last ones are read', async () => {
    const order = new Watched();
    order.whileReading = () => {
      order.whileReading = () => {};
      order.add(change(2n, true));
    };
    const watching = order.watch(undefined);
    expect((await watching.next()).value).toMatchObject({ version: 1n });
    expect((await watching.next()).value).toMatchObject({ version: 2n });
    expect((await watching.next()).done).toBe(true);
  });

  it('reads only when it is woken', async () => {
    const order = new Watched();
    const watching = order.watch(undefined);
    await watching.next();
    const next = watching.next();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    const { reads } = order;
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(order.reads).toBe(reads);
    order.add(change(2n, true));
    expect((await next).value).toMatchObject({ version: 2n });
  });

  it('goes on past a settled change when there are later ones', async () => {
    const order = new Watched();
    order.changes.push(change(2n, true), change(3n), change(4n, true));
    const versions = [];
    for await (const { version } of order.watch(1n)) versions.push(version);
    expect(versions).toEqual([2n, 3n, 4n]);
  });

  it.each<[string, (watching: AsyncGenerator<OrderChange>, abort: AbortController) => Promise<unknown>]>([
    [
      'its caller goes away',
      async (watching, abort) => {
        const next = watching.next();
        abort.abort();
        await next;
      },
    ],
    ['it is no longer read', (watching) => watching.return(undefined)],
    ['the order has ended', async (watching) => watching.next()],
  ])('lets go of the order when %s', async (how, end) => {
    const order = new Watched();
    const abort = new AbortController();
    const watching = order.watch(undefined, abort.signal);
    if (how === 'the order has ended') order.changes.push(change(2n, true));
    await watching.next();
    expect(order.wakes.size).toBe(1);
    await end(watching, abort);
    expect(order.wakes.size).toBe(0);
  });
});
