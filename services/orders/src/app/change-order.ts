import type { Decision, Order } from '../domain/order.ts';
import type { OrdersTransaction } from './ports.ts';

/** Loads an order, decides, and saves the new state with its event; a decision without an event saves nothing. */
export async function changeOrder<D extends Decision>(
  tx: OrdersTransaction,
  orderId: string,
  decide: (order: Order) => D,
): Promise<D> {
  const order = await tx.order(orderId);
  const decision = decide(order);
  if (decision.event) await tx.save(order, decision.order, decision.event);
  return decision;
}
