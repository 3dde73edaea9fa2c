import type { Database } from '@weft/kit/store';
import type { OrdersStore } from '../app/ports.ts';
import type { OrderWakeups } from '../app/watch-order.ts';
import type { OrdersSchema } from './schema.ts';

const POLL_MS = 5000;

interface Watched {
  version: bigint | undefined;
  readonly wakes: Set<() => void>;
}

/**
 * Wakes watchers when any process has committed a change of their order. What a lost notification would hide is found by
 * one query for all watched orders every five seconds.
 */
export function orderWakeups(database: Database<OrdersSchema>, store: OrdersStore) {
  const watched = new Map<string, Watched>();
  const wake = (orderId: string) => {
    for (const one of watched.get(orderId)?.wakes ?? []) one();
  };
  let unsubscribe = () => {};
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const poll = async () => {
    if (watched.size > 0) {
      const versions = await store.versions([...watched.keys()]).catch(() => new Map<string, bigint>());
      for (const [orderId, version] of versions) {
        const one = watched.get(orderId);
        if (!one || one.version === version) continue;
        one.version = version;
        wake(orderId);
      }
    }
    if (stopped) return;
    timer = setTimeout(() => void poll(), POLL_MS);
    timer.unref();
  };
  const wakeups: OrderWakeups = {
    watch(orderId, wakeUp) {
      const one = watched.get(orderId) ?? { version: undefined, wakes: new Set() };
      watched.set(orderId, one);
      one.wakes.add(wakeUp);
      return () => {
        one.wakes.delete(wakeUp);
        if (one.wakes.size === 0) watched.delete(orderId);
      };
    },
  };
  return {
    ...wakeups,
    start() {
      unsubscribe = database.onChange((changes) => {
        for (const orderId of changes === 'all' ? [...watched.keys()] : changes) wake(orderId);
      });
      void poll();
    },
    async stop() {
      stopped = true;
      unsubscribe();
      clearTimeout(timer);
    },
  };
}
