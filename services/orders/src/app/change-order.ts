import type { Decision } from '../domain/decisions.ts';
import type { Order } from '../domain/order.ts';
import type { OrdersTransaction } from './ports.ts';

/** Loads an order, decides, and saves the new state with its event; a decision without an event saves nothing. */
export async function changeOrder<D extends Decision>(
  tx: OrdersTransaction,
  orderId: string,
  decide: (order: Order) => D,
): Promise<D> {
  const recent = tx.recent(orderId);
  // What is decided on an order that may have changed counts only when it is saved, which notices.
  const early = recent && orUndefined(() => decide(recent));
  if (recent && early?.event) {
    tx.save(recent, early.order, early.event);
    return early;
  }
  const order = await tx.order(orderId);
  const decision = decide(order);
  if (decision.event) tx.save(order, decision.order, decision.event);
  return decision;
}

function orUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
