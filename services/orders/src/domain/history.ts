import { apply, begin, type Order, type OrderEvent } from './order.ts';

/** An order as it was found when it had no history yet: what came before is not known. */
export interface Imported {
  readonly type: 'imported';
  readonly order: Order;
}

/** One event of an order, as its history keeps it. */
export interface Recorded {
  /** Of the order after it. */
  readonly version: bigint;
  readonly at: Date;
  readonly event: OrderEvent | Imported;
}

/** The history of an order does not make sense: something was taken out of it, or put in. */
export class BrokenHistory extends Error {
  constructor(orderId: string, version: bigint, type: string) {
    super(`the history of order ${orderId} has no place for ${type} as version ${version}`);
    this.name = 'BrokenHistory';
  }
}

/**
 * The order that its history leads to, from nothing.
 * @param history all of its events, oldest first
 * @throws BrokenHistory, and IllegalMove where an event cannot follow the one before it
 */
export function orderFromHistory(orderId: string, history: readonly Recorded[]): Order {
  let order: Order | undefined;
  for (const { version, at, event } of history) {
    const next = after(order, orderId, event, at);
    if (next?.version !== version) throw new BrokenHistory(orderId, version, event.type);
    order = next;
  }
  if (!order) throw new BrokenHistory(orderId, 0n, 'nothing');
  return order;
}

function after(order: Order | undefined, orderId: string, event: Recorded['event'], at: Date): Order | undefined {
  if (event.type === 'imported') return event.order;
  if (event.type === 'placed') return order ? undefined : begin(orderId, event, at);
  return order && apply(order, event, at);
}
