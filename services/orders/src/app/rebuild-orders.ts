import { isDeepStrictEqual } from 'node:util';
import { orderFromHistory } from '../domain/history.ts';
import type { Order } from '../domain/order.ts';
import type { OrderViews, ViewedOrder } from './ports.ts';

/** What became of some orders, from one id to another. */
export interface RebuiltOrders {
  readonly lastOrderId: string;
  readonly orders: number;
  /** Of them, those whose rows were not as their history tells, and are now. */
  readonly restored: number;
  /** Those whose rows are still not: their histories make no sense. */
  readonly different: readonly string[];
}

const AT_ONCE = 100;

/**
 * Makes the rows of all orders anew from their histories, and compares them with those that are there. Only rows that differ
 * are written, under a lock of their order, so that everybody else goes on reading and writing meanwhile; then they are
 * compared again.
 * @param after the id of the order to go on after; undefined begins with the first
 */
export async function* rebuildOrders(views: OrderViews, after: string | undefined): AsyncGenerator<RebuiltOrders> {
  for (let last = after; ; ) {
    const page = await views.page(last, AT_ONCE);
    last = page.at(-1)?.orderId;
    if (last === undefined) return;
    const wrong = page.filter((view) => !isAsTold(view)).map(({ orderId }) => orderId);
    const different = wrong.length === 0 ? [] : await restore(views, wrong);
    yield { lastOrderId: last, orders: page.length, restored: wrong.length - different.length, different };
  }
}

async function restore(views: OrderViews, orderIds: readonly string[]): Promise<string[]> {
  await views.transaction(async (tx) => {
    for (const view of await tx.lock(orderIds)) {
      if (isAsTold(view)) continue;
      if (view.history.length === 0) tx.remove(view.orderId);
      else {
        const order = toldBy(view);
        if (order) tx.put(order);
      }
    }
  });
  return (await views.read(orderIds)).filter((view) => !isAsTold(view)).map(({ orderId }) => orderId);
}

function isAsTold(view: ViewedOrder): boolean {
  if (view.history.length === 0) return view.stored === undefined;
  const told = toldBy(view);
  return told !== undefined && view.stored !== undefined && isDeepStrictEqual(ordered(told), ordered(view.stored));
}

/** Undefined where the history makes no sense. */
function toldBy({ orderId, history }: ViewedOrder): Order | undefined {
  try {
    return orderFromHistory(orderId, history);
  } catch {
    return undefined;
  }
}

// Rows of returns of one moment have no order.
function ordered(order: Order): Order {
  return { ...order, returns: order.returns.toSorted((one, other) => (one.returnId < other.returnId ? -1 : 1)) };
}
