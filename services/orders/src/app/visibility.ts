import { actsFor, isStaff, maySee, type User } from '@weft/kit/rpc';
import { NotYours, OrderNotFound } from '../domain/failures.ts';
import type { Order } from '../domain/order.ts';

/** The order, where the user may see it. Throws OrderNotFound otherwise, so that ids cannot be probed. */
export function visibleTo(user: User | undefined, order: Order | undefined, orderId: string): Order {
  assertVisible(user, order?.customerId, orderId);
  return order as Order;
}

/** Throws OrderNotFound unless the user may see what belongs to this customer. */
export function assertVisible(user: User | undefined, owner: string | undefined, orderId: string): void {
  if (!owner || !maySee(user, owner)) throw new OrderNotFound(orderId);
}

/** The customer whom a user acts for: themselves unless staff name another. Throws NotYours. */
export function customerFor(user: User | undefined, wanted: string): string {
  const customer = actsFor(user, wanted);
  if (customer === undefined) throw new NotYours();
  return customer;
}

/** The customer whose orders a user lists; undefined means everybody's. Throws NotYours. */
export function listableBy(user: User | undefined, wanted: string): string | undefined {
  if (user && isStaff(user)) return wanted === '' ? undefined : wanted;
  return customerFor(user, wanted);
}
