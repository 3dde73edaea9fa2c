import {
  MixedCurrencies,
  NotReturnable,
  OrderCompleted,
  OrderNotCompleted,
  OrderRejected,
  OrderTooLarge,
  ReturnNotFound,
} from './failures.ts';
import {
  apply,
  begin,
  type DeliveryMethod,
  type FollowingEvent,
  type Order,
  type OrderLine,
  type Pieces,
  type Placed,
  type Return,
  type SagaStyle,
  type Unpaid,
} from './order.ts';

/** An order after a decision; no event means that nothing changed. */
export interface Decision {
  readonly order: Order;
  readonly event?: FollowingEvent;
}

export interface Priced extends Omit<OrderLine, 'returned'> {
  readonly currency: string;
}

/** 100 billion minor units, the contract's bound of an amount. */
const MAX_TOTAL = 100_000_000_000n;

export interface NewOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly Priced[];
  readonly deliveryMethod: DeliveryMethod;
  readonly sagaStyle: SagaStyle;
}

export interface Placement {
  readonly order: Order;
  readonly event: Placed;
}

export function place(wanted: NewOrder, now: Date): Placement {
  const { orderId, customerId, lines, deliveryMethod, sagaStyle } = wanted;
  const currencies = [...new Set(lines.map((line) => line.currency))];
  if (currencies.length !== 1) throw new MixedCurrencies(currencies);
  const event: Placed = {
    type: 'placed',
    customerId,
    currency: currencies[0] as string,
    deliveryMethod,
    sagaStyle,
    lines: lines.map(({ currency: _, ...line }) => line),
  };
  const order = begin(orderId, event, now);
  if (order.total > MAX_TOTAL) throw new OrderTooLarge(MAX_TOTAL);
  return { order, event };
}

/** Paid and committed. An order whose cancellation is under way stays so: its cancellation undoes the payment. */
export function confirm(order: Order, now: Date): Decision {
  if (order.status !== 'placed' && order.status !== 'rejected') return { order };
  return happened(order, { type: 'confirmed' }, now);
}

/** Its shipment has left. A cancellation that was under way came too late. */
export function complete(order: Order, now: Date): Decision {
  if (order.status === 'completed') return { order };
  return happened(order, { type: 'completed' }, now);
}

/** Nothing was taken, or all of it was given back: rejected, or cancelled where that was asked for. */
export function reject(order: Order, reason: string, payment: Unpaid, now: Date): Decision {
  if (order.status === 'rejected' || order.status === 'cancelled') return { order };
  if (order.status === 'cancelling') return happened(order, { type: 'cancelled', payment }, now);
  return happened(order, { type: 'rejected', reason, payment }, now);
}

export function requestCancellation(order: Order, now: Date): Decision {
  if (order.status === 'cancelling' || order.status === 'cancelled') return { order };
  if (order.status === 'rejected') throw new OrderRejected(order.reason);
  if (order.status === 'completed') throw new OrderCompleted();
  return happened(order, { type: 'cancellation-requested' }, now);
}

/** What was paid has been refunded. */
export function confirmCancellation(order: Order, now: Date): Decision {
  if (order.status === 'cancelled') return { order };
  return happened(order, { type: 'cancelled', payment: 'refunded' }, now);
}

export function requestReturn(
  order: Order,
  returnId: string,
  pieces: readonly Pieces[],
  now: Date,
): Decision & { returned: Return } {
  if (order.status !== 'completed') throw new OrderNotCompleted(order.status);
  const lines = new Map(order.lines.map((line) => [line.productId, line]));
  let refund = 0n;
  for (const { productId, quantity } of pieces) {
    const line = lines.get(productId);
    const returnable = line ? line.quantity - line.returned : 0n;
    if (!line || quantity > returnable) throw new NotReturnable(productId, returnable);
    lines.set(productId, { ...line, returned: line.returned + quantity });
    refund += quantity * line.unitPrice;
  }
  const decision = happened(order, { type: 'return-requested', returnId, lines: pieces, refund }, now);
  return { ...decision, returned: decision.order.returns.at(-1) as Return };
}

export function settleReturn(order: Order, returnId: string, now: Date): Decision {
  const standing = order.returns.find((one) => one.returnId === returnId);
  if (!standing) throw new ReturnNotFound(returnId);
  if (standing.status === 'settled') return { order };
  return happened(order, { type: 'return-settled', returnId }, now);
}

function happened(order: Order, event: FollowingEvent, now: Date): Decision {
  return { order: apply(order, event, now), event };
}
