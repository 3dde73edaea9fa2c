import type { OrderChange, OrdersStore } from './ports.ts';

/** Tells when watched orders may have changed. */
export interface OrderWakeups {
  /** Calls `wake` after each committed change of the order, perhaps more often. */
  watch(orderId: string, wake: () => void): () => void;
}

/**
 * The changes of an order after a version, each once and in order, until one leaves nothing under way or the signal fires.
 * Without a version it begins with the last change.
 */
export async function* watchOrder(
  store: OrdersStore,
  wakeups: OrderWakeups,
  orderId: string,
  after: bigint | undefined,
  signal: AbortSignal,
): AsyncGenerator<OrderChange> {
  let wake = () => {};
  let awake = true;
  const unwatch = wakeups.watch(orderId, () => {
    awake = true;
    wake();
  });
  signal.addEventListener('abort', () => wake(), { once: true });
  try {
    let seen = after;
    while (!signal.aborted) {
      awake = false;
      const changes = await store.changes(orderId, seen);
      for (const change of changes) {
        seen = change.version;
        yield change;
      }
      const last = changes.at(-1);
      if (last?.settled) return;
      // A resumed watch that has seen everything of a settled order has nothing to wait for.
      if (!last && seen !== undefined && (await store.changes(orderId, undefined))[0]?.settled && !awake) return;
      if (!awake && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    unwatch();
  }
}
