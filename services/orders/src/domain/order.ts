import {
  IllegalMove,
  MixedCurrencies,
  NotReturnable,
  OrderCompleted,
  OrderNotCompleted,
  OrderRejected,
  OrderTooLarge,
  ReturnNotFound,
} from './failures.ts';

export type OrderStatus = 'placed' | 'confirmed' | 'completed' | 'rejected' | 'cancelling' | 'cancelled';

/** Where an order is sent. Personal data: it is kept apart from the order. */
export interface Address {
  readonly recipient: string;
  readonly street: string;
  readonly city: string;
  readonly postalCode: string;
  readonly countryCode: string;
}

/** How an order comes to its customer. */
export type DeliveryMethod = 'pick-up' | 'address';

export interface OrderLine {
  readonly productId: string;
  readonly stockCode: string;
  readonly title: string;
  readonly quantity: bigint;
  /** Price of one in minor units. */
  readonly unitPrice: bigint;
  /** Pieces of returns, settled or not. */
  readonly returned: bigint;
}

/** Pieces of a product. */
export interface Pieces {
  readonly productId: string;
  readonly quantity: bigint;
}

export interface Return {
  readonly returnId: string;
  readonly status: 'requested' | 'settled';
  readonly lines: readonly Pieces[];
  /** Minor units. */
  readonly refund: bigint;
  readonly createdAt: Date;
  readonly settledAt: Date | undefined;
}

export interface Order {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  /** Why it was rejected or cancelled; empty otherwise. */
  readonly reason: string;
  readonly currency: string;
  readonly deliveryMethod: DeliveryMethod;
  readonly lines: readonly OrderLine[];
  readonly returns: readonly Return[];
  /** Minor units. */
  readonly total: bigint;
  /** What settled returns and the cancellation gave back, in minor units. */
  readonly refunded: bigint;
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What happened to an order, besides its new state. */
export type OrderEvent =
  | { readonly type: 'placed'; readonly paymentMethodToken: string }
  | { readonly type: 'confirmed' | 'completed' | 'rejected' | 'cancelled' }
  | { readonly type: 'cancellation-requested'; readonly lines: readonly EventLine[]; readonly refund: bigint }
  | { readonly type: 'return-requested'; readonly returned: Return; readonly lines: readonly EventLine[] }
  | { readonly type: 'return-settled'; readonly returned: Return };

export interface EventLine extends Pieces {
  readonly stockCode: string;
}

/** An order after a decision; no event means that nothing changed. */
export interface Decision {
  readonly order: Order;
  readonly event?: OrderEvent;
}

export interface Priced extends Omit<OrderLine, 'returned'> {
  readonly currency: string;
}

const MOVES: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  placed: ['confirmed', 'rejected', 'cancelling'],
  confirmed: ['completed', 'cancelling'],
  cancelling: ['cancelled', 'completed'],
  completed: [],
  rejected: [],
  cancelled: [],
};

/** 100 billion minor units, the contract's bound of an amount. */
const MAX_TOTAL = 100_000_000_000n;

export interface NewOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly Priced[];
  readonly paymentMethodToken: string;
  readonly deliveryMethod: DeliveryMethod;
}

export function place(wanted: NewOrder, now: Date): Decision {
  const { orderId, customerId, lines, paymentMethodToken, deliveryMethod } = wanted;
  const currencies = [...new Set(lines.map((line) => line.currency))];
  if (currencies.length !== 1) throw new MixedCurrencies(currencies);
  const total = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0n);
  if (total > MAX_TOTAL) throw new OrderTooLarge(MAX_TOTAL);
  const order: Order = {
    orderId,
    customerId,
    status: 'placed',
    reason: '',
    currency: currencies[0] as string,
    deliveryMethod,
    lines: lines.map(({ currency: _, ...line }) => ({ ...line, returned: 0n })),
    returns: [],
    total,
    refunded: 0n,
    version: 1n,
    createdAt: now,
    updatedAt: now,
  };
  return { order, event: { type: 'placed', paymentMethodToken } };
}

/** Paid and committed. An order whose cancellation is under way stays so: its cancellation undoes the payment. */
export function confirm(order: Order, now: Date): Decision {
  if (order.status !== 'placed' && order.status !== 'rejected') return { order };
  return { order: move(order, 'confirmed', now), event: { type: 'confirmed' } };
}

/** Its shipment has left. A cancellation that was under way came too late. */
export function complete(order: Order, now: Date): Decision {
  if (order.status === 'completed') return { order };
  return { order: { ...move(order, 'completed', now), reason: '' }, event: { type: 'completed' } };
}

/** Nothing was taken, or all of it was given back: rejected, or cancelled where that was asked for. */
export function reject(order: Order, reason: string, now: Date): Decision {
  if (order.status === 'rejected' || order.status === 'cancelled') return { order };
  if (order.status === 'cancelling') return { order: move(order, 'cancelled', now), event: { type: 'cancelled' } };
  return { order: { ...move(order, 'rejected', now), reason }, event: { type: 'rejected' } };
}

export function requestCancellation(order: Order, now: Date): Decision {
  if (order.status === 'cancelling' || order.status === 'cancelled') return { order };
  if (order.status === 'rejected') throw new OrderRejected(order.reason);
  if (order.status === 'completed') throw new OrderCompleted();
  const lines = order.lines.map(({ productId, stockCode, quantity }) => ({ productId, stockCode, quantity }));
  const event: OrderEvent = { type: 'cancellation-requested', lines, refund: order.total };
  return { order: { ...move(order, 'cancelling', now), reason: 'CANCELLED' }, event };
}

/** What was paid has been refunded. */
export function confirmCancellation(order: Order, now: Date): Decision {
  if (order.status === 'cancelled') return { order };
  const cancelled = move(order, 'cancelled', now);
  return { order: { ...cancelled, refunded: order.total }, event: { type: 'cancelled' } };
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
  const eventLines = pieces.map(({ productId, quantity }) => {
    const line = lines.get(productId);
    const returnable = line ? line.quantity - line.returned : 0n;
    if (!line || quantity > returnable) throw new NotReturnable(productId, returnable);
    lines.set(productId, { ...line, returned: line.returned + quantity });
    refund += quantity * line.unitPrice;
    return { productId, stockCode: line.stockCode, quantity };
  });
  const returned: Return = {
    returnId,
    status: 'requested',
    lines: pieces,
    refund,
    createdAt: now,
    settledAt: undefined,
  };
  const changed = { ...touch(order, now), lines: [...lines.values()], returns: [...order.returns, returned] };
  return { order: changed, event: { type: 'return-requested', returned, lines: eventLines }, returned };
}

export function settleReturn(order: Order, returnId: string, now: Date): Decision {
  const standing = order.returns.find((one) => one.returnId === returnId);
  if (!standing) throw new ReturnNotFound(returnId);
  if (standing.status === 'settled') return { order };
  const returned: Return = { ...standing, status: 'settled', settledAt: now };
  const returns = order.returns.map((one) => (one === standing ? returned : one));
  const changed = { ...touch(order, now), returns, refunded: order.refunded + returned.refund };
  return { order: changed, event: { type: 'return-settled', returned } };
}

/** Nothing is under way: nobody will change it unless asked to. */
export function isSettled(order: Order): boolean {
  const ended = order.status === 'completed' || order.status === 'rejected' || order.status === 'cancelled';
  return ended && order.returns.every((one) => one.status === 'settled');
}

function move(order: Order, status: OrderStatus, now: Date): Order {
  if (!MOVES[order.status].includes(status)) throw new IllegalMove(order.status, status);
  return { ...touch(order, now), status };
}

function touch(order: Order, now: Date): Order {
  return { ...order, version: order.version + 1n, updatedAt: now };
}
