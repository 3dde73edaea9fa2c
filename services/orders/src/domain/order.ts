import { IllegalMove } from './failures.ts';

export type OrderStatus = 'placed' | 'confirmed' | 'completed' | 'rejected' | 'cancelling' | 'cancelled';

/** What became of the payment, as far as the order's end tells: what happens in between is known by payments. */
export type PaymentStatus = 'pending' | 'captured' | 'partially-refunded' | 'refunded' | Unpaid;
/** Nothing was taken: the payment was refused, or what was held is let go. */
export type Unpaid = 'declined' | 'voided';

/** Where an order is sent. Personal data: it is kept apart from the order. */
export interface Address {
  readonly recipient: string;
  readonly street: string;
  readonly city: string;
  readonly postalCode: string;
  readonly countryCode: string;
}

/** Who takes an order to its end: checkout, or each service by the events of the others. */
export type SagaStyle = 'orchestrated' | 'choreographed';

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
  readonly sagaStyle: SagaStyle;
  readonly lines: readonly OrderLine[];
  readonly returns: readonly Return[];
  /** Minor units. */
  readonly total: bigint;
  /** What settled returns and the cancellation gave back, in minor units. */
  readonly refunded: bigint;
  readonly payment: PaymentStatus;
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What begins an order. */
export interface Placed {
  readonly type: 'placed';
  readonly customerId: string;
  readonly currency: string;
  readonly deliveryMethod: DeliveryMethod;
  readonly sagaStyle: SagaStyle;
  readonly lines: readonly Omit<OrderLine, 'returned'>[];
}

/** What happens to an order that is there. */
export type FollowingEvent =
  | { readonly type: 'confirmed' | 'completed' | 'cancellation-requested' }
  | { readonly type: 'rejected'; readonly reason: string; readonly payment: Unpaid }
  /** Refunded is all of it. */
  | { readonly type: 'cancelled'; readonly payment: Unpaid | 'refunded' }
  | {
      readonly type: 'return-requested';
      readonly returnId: string;
      readonly lines: readonly Pieces[];
      /** Minor units. */
      readonly refund: bigint;
    }
  | { readonly type: 'return-settled'; readonly returnId: string };

export type OrderEvent = Placed | FollowingEvent;

const MOVES: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  placed: ['confirmed', 'rejected', 'cancelling'],
  confirmed: ['completed', 'cancelling'],
  cancelling: ['cancelled', 'completed'],
  completed: [],
  rejected: [],
  cancelled: [],
};

/** The order that an event begins. */
export function begin(orderId: string, { type: _, lines, ...placed }: Placed, at: Date): Order {
  return {
    orderId,
    ...placed,
    status: 'placed',
    reason: '',
    lines: lines.map((line) => ({ ...line, returned: 0n })),
    returns: [],
    total: lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0n),
    refunded: 0n,
    payment: 'pending',
    version: 1n,
    createdAt: at,
    updatedAt: at,
  };
}

/** The order after an event, which is the only way in which it changes. Throws IllegalMove. */
export function apply(order: Order, event: FollowingEvent, at: Date): Order {
  const touched = { ...order, version: order.version + 1n, updatedAt: at };
  const move = (status: OrderStatus): Order => {
    if (!MOVES[order.status].includes(status)) throw new IllegalMove(order.status, status);
    return { ...touched, status };
  };
  switch (event.type) {
    case 'confirmed':
      return { ...move('confirmed'), payment: 'captured' };
    case 'completed':
      return { ...move('completed'), reason: '', payment: 'captured' };
    case 'rejected':
      return { ...move('rejected'), reason: event.reason, payment: event.payment };
    case 'cancellation-requested':
      return { ...move('cancelling'), reason: 'CANCELLED' };
    case 'cancelled':
      return {
        ...move('cancelled'),
        payment: event.payment,
        refunded: event.payment === 'refunded' ? order.total : order.refunded,
      };
    case 'return-requested': {
      const { type: _, ...asked } = event;
      const returned = { ...asked, status: 'requested', createdAt: at, settledAt: undefined } as const;
      return { ...touched, lines: withReturned(order.lines, event.lines), returns: [...order.returns, returned] };
    }
    case 'return-settled': {
      const returns = order.returns.map((one) =>
        one.returnId === event.returnId ? ({ ...one, status: 'settled', settledAt: at } as const) : one,
      );
      const refund = order.returns.find(({ returnId }) => returnId === event.returnId)?.refund ?? 0n;
      const refunded = order.refunded + refund;
      return { ...touched, returns, refunded, payment: refunded === order.total ? 'refunded' : 'partially-refunded' };
    }
  }
}

function withReturned(lines: readonly OrderLine[], pieces: readonly Pieces[]): OrderLine[] {
  const back = new Map<string, bigint>();
  for (const { productId, quantity } of pieces) back.set(productId, (back.get(productId) ?? 0n) + quantity);
  return lines.map((line) => ({ ...line, returned: line.returned + (back.get(line.productId) ?? 0n) }));
}

/** Nothing is under way: nobody will change it unless asked to. */
export function isSettled(order: Order): boolean {
  const ended = order.status === 'completed' || order.status === 'rejected' || order.status === 'cancelled';
  return ended && order.returns.every((one) => one.status === 'settled');
}
