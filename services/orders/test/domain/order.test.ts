import { describe, expect, it } from '@jest/globals';
import {
  complete,
  confirm,
  confirmCancellation,
  type Decision,
  type Priced,
  place,
  reject,
  requestCancellation,
  requestReturn,
  settleReturn,
} from '../../src/domain/decisions.ts';
import { isSettled, type Order, type OrderStatus } from '../../src/domain/order.ts';

const PLACED_AT = new Date('2026-01-01T00:00:00Z');
const LATER = new Date('2026-01-01T00:00:01Z');

const HOW = { deliveryMethod: 'address', sagaStyle: 'orchestrated' } as const;

const line = (productId: string, quantity: bigint, unitPrice: bigint, currency = 'GBP'): Priced => ({
  productId,
  stockCode: `stock-of-${productId}`,
  title: productId,
  quantity,
  unitPrice,
  currency,
});

function placed(lines: readonly Priced[] = [line('lamp', 2n, 250n), line('box', 3n, 100n)]): Order {
  return place({ orderId: 'o', customerId: 'c', lines, ...HOW }, PLACED_AT).order;
}

const then = (...decisions: ((order: Order) => Decision)[]): Order =>
  decisions.reduce((order, decide) => decide(order).order, placed());

const decisions = {
  confirm: (order: Order) => confirm(order, LATER),
  complete: (order: Order) => complete(order, LATER),
  reject: (order: Order) => reject(order, 'OUT_OF_STOCK', 'declined', LATER),
  'request cancellation': (order: Order) => requestCancellation(order, LATER),
  'confirm cancellation': (order: Order) => confirmCancellation(order, LATER),
};

const standing: Readonly<Record<OrderStatus, () => Order>> = {
  placed: () => placed(),
  confirmed: () => then(decisions.confirm),
  completed: () => then(decisions.confirm, decisions.complete),
  rejected: () => then(decisions.reject),
  cancelling: () => then(decisions['request cancellation']),
  cancelled: () => then(decisions['request cancellation'], decisions['confirm cancellation']),
};

describe('placing an order', () => {
  it('sums its lines, and its event has all of it', () => {
    const lines = [line('lamp', 2n, 250n), line('box', 3n, 100n)];
    const { order, event } = place({ orderId: 'o', customerId: 'c', lines, ...HOW }, PLACED_AT);
    expect(event).toEqual({
      type: 'placed',
      customerId: 'c',
      currency: 'GBP',
      deliveryMethod: 'address',
      sagaStyle: 'orchestrated',
      lines: lines.map(({ currency: _, ...one }) => one),
    });
    expect(order).toMatchObject({ status: 'placed', reason: '', total: 800n, refunded: 0n, version: 1n, returns: [] });
    expect(order.lines.map(({ returned }) => returned)).toEqual([0n, 0n]);
  });

  it('takes one currency only', () => {
    expect(() => placed([line('lamp', 1n, 1n), line('box', 1n, 1n, 'EUR')])).toThrow(
      expect.objectContaining({ reason: 'MIXED_CURRENCIES', metadata: { currencies: 'GBP,EUR' } }),
    );
  });

  it('takes a total up to the bound of an amount and not one more', () => {
    expect(placed([line('gold', 1_000_000n, 100_000n)]).total).toBe(100_000_000_000n);
    expect(() => placed([line('gold', 1_000_000n, 100_000n), line('box', 1n, 1n)])).toThrow(
      expect.objectContaining({ reason: 'ORDER_TOO_LARGE' }),
    );
  });
});

describe('moves of an order', () => {
  const NOTHING = 'nothing';
  it.each<[OrderStatus, keyof typeof decisions, string]>([
    ['placed', 'confirm', 'confirmed'],
    ['placed', 'complete', 'ILLEGAL_MOVE'],
    ['placed', 'reject', 'rejected'],
    ['placed', 'request cancellation', 'cancelling'],
    ['placed', 'confirm cancellation', 'ILLEGAL_MOVE'],
    ['confirmed', 'confirm', NOTHING],
    ['confirmed', 'complete', 'completed'],
    ['confirmed', 'reject', 'ILLEGAL_MOVE'],
    ['confirmed', 'request cancellation', 'cancelling'],
    ['confirmed', 'confirm cancellation', 'ILLEGAL_MOVE'],
    ['completed', 'confirm', NOTHING],
    ['completed', 'complete', NOTHING],
    ['completed', 'reject', 'ILLEGAL_MOVE'],
    ['completed', 'request cancellation', 'ORDER_COMPLETED'],
    ['completed', 'confirm cancellation', 'ILLEGAL_MOVE'],
    ['rejected', 'confirm', 'ILLEGAL_MOVE'],
    ['rejected', 'complete', 'ILLEGAL_MOVE'],
    ['rejected', 'reject', NOTHING],
    ['rejected', 'request cancellation', 'ORDER_REJECTED'],
    ['rejected', 'confirm cancellation', 'ILLEGAL_MOVE'],
    ['cancelling', 'confirm', NOTHING],
    ['cancelling', 'complete', 'completed'],
    ['cancelling', 'reject', 'cancelled'],
    ['cancelling', 'request cancellation', NOTHING],
    ['cancelling', 'confirm cancellation', 'cancelled'],
    ['cancelled', 'confirm', NOTHING],
    ['cancelled', 'complete', 'ILLEGAL_MOVE'],
    ['cancelled', 'reject', NOTHING],
    ['cancelled', 'request cancellation', NOTHING],
    ['cancelled', 'confirm cancellation', NOTHING],
  ])('%s, asked to %s: %s', (status, name, outcome) => {
    const order = standing[status]();
    expect(order.status).toBe(status);
    const decide = () => decisions[name](order);
    if (outcome === NOTHING) expect(decide()).toEqual({ order });
    else if (outcome === outcome.toUpperCase()) expect(decide).toThrow(expect.objectContaining({ reason: outcome }));
    else {
      const { order: after, event } = decide();
      expect(after).toMatchObject({ status: outcome, version: order.version + 1n, updatedAt: LATER });
      expect(event).toBeDefined();
    }
  });

  it('keeps the reason of a rejection, and of a cancellation however it ends', () => {
    expect(then(decisions.reject).reason).toBe('OUT_OF_STOCK');
    expect(standing.cancelled().reason).toBe('CANCELLED');
    expect(then(decisions['request cancellation'], decisions.reject)).toMatchObject({
      status: 'cancelled',
      reason: 'CANCELLED',
      refunded: 0n,
    });
  });

  it('takes back the reason of a cancellation that came too late', () => {
    expect(then(decisions.confirm, decisions['request cancellation'], decisions.complete)).toMatchObject({
      status: 'completed',
      reason: '',
      refunded: 0n,
    });
  });

  it('leaves nothing under way once it has left, was rejected or is cancelled', () => {
    const settled = Object.entries(standing).filter(([, order]) => isSettled(order()));
    expect(settled.map(([status]) => status)).toEqual(['completed', 'rejected', 'cancelled']);
  });

  it('gives back everything that was paid when it is cancelled', () => {
    const { order } = requestCancellation(standing.confirmed(), LATER);
    expect(confirmCancellation(order, LATER).order).toMatchObject({ status: 'cancelled', refunded: 800n });
  });
});

describe('the payment of an order', () => {
  const returning = (quantity: bigint) => {
    const pieces = [
      { productId: 'lamp', quantity },
      { productId: 'box', quantity: 3n },
    ];
    return (order: Order) => settleReturn(requestReturn(order, 'r', pieces, LATER).order, 'r', LATER);
  };
  const { confirm, complete, reject } = decisions;
  const cancellation = [decisions['request cancellation'], decisions['confirm cancellation']];

  it.each<[string, string, ((order: Order) => Decision)[]]>([
    ['is pending', 'pending', []],
    ['is captured once it is confirmed', 'captured', [confirm]],
    ['stays captured when its shipment leaves', 'captured', [confirm, complete]],
    ['stays captured while its cancellation is under way', 'captured', [confirm, decisions['request cancellation']]],
    ['is refunded when it is cancelled', 'refunded', [confirm, ...cancellation]],
    ['is what it is rejected with', 'declined', [reject]],
    ['is what ends its cancellation', 'declined', [decisions['request cancellation'], reject]],
    ['is refunded in part by a return', 'partially-refunded', [confirm, complete, returning(1n)]],
    ['is refunded by the return of everything', 'refunded', [confirm, complete, returning(2n)]],
  ])('%s', (_, payment, steps) => {
    expect(then(...steps).payment).toBe(payment);
  });
});

describe('a return', () => {
  const back = (order: Order, returnId: string, ...pieces: [string, bigint][]) =>
    requestReturn(
      order,
      returnId,
      pieces.map(([productId, quantity]) => ({ productId, quantity })),
      LATER,
    );

  it('is of an order that has left only', () => {
    for (const status of ['placed', 'confirmed', 'rejected', 'cancelling', 'cancelled'] as const) {
      expect(() => back(standing[status](), 'r', ['lamp', 1n])).toThrow(
        expect.objectContaining({ reason: 'ORDER_NOT_COMPLETED', metadata: { order_status: status } }),
      );
    }
  });

  it('is refunded at the price paid, once it is settled', () => {
    const { order, returned } = back(standing.completed(), 'r', ['lamp', 1n], ['box', 2n]);
    expect(returned).toMatchObject({ status: 'requested', refund: 450n, settledAt: undefined });
    expect(order.refunded).toBe(0n);
    expect(isSettled(order)).toBe(false);
    const settled = settleReturn(order, 'r', LATER);
    expect(settled.order).toMatchObject({ refunded: 450n, status: 'completed' });
    expect(settled.order.returns).toMatchObject([{ status: 'settled', settledAt: LATER }]);
    expect(isSettled(settled.order)).toBe(true);
    expect(settleReturn(settled.order, 'r', LATER)).toEqual({ order: settled.order });
  });

  it('takes all or nothing of what it lists, and says how much could be taken', () => {
    const { order } = back(standing.completed(), 'r', ['lamp', 1n]);
    for (const [productId, quantity, returnable] of [
      ['lamp', 2n, '1'],
      ['vase', 1n, '0'],
    ] as const) {
      expect(() => back(order, 'r2', ['box', 1n], [productId, quantity])).toThrow(
        expect.objectContaining({ reason: 'NOT_RETURNABLE', metadata: { product_id: productId, returnable } }),
      );
    }
    expect(() => back(order, 'r2', ['box', 2n], ['box', 2n])).toThrow(
      expect.objectContaining({ reason: 'NOT_RETURNABLE' }),
    );
  });

  it('that the order does not have cannot be settled', () => {
    expect(() => settleReturn(standing.completed(), 'r', LATER)).toThrow(
      expect.objectContaining({ reason: 'RETURN_NOT_FOUND' }),
    );
  });
});
