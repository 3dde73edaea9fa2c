import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import fc from 'fast-check';
import {
  complete,
  confirm,
  confirmCancellation,
  type Decision,
  place,
  reject,
  requestCancellation,
  requestReturn,
  settleReturn,
} from '../../src/domain/decisions.ts';
import { orderFromHistory, type Recorded } from '../../src/domain/history.ts';
import { isSettled, type Order, type OrderStatus } from '../../src/domain/order.ts';

const MOVES: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  placed: ['confirmed', 'rejected', 'cancelling'],
  confirmed: ['completed', 'cancelling'],
  cancelling: ['cancelled', 'completed'],
  completed: [],
  rejected: [],
  cancelled: [],
};

const line = fc.record({
  quantity: fc.bigInt({ min: 1n, max: 5n }),
  unitPrice: fc.bigInt({ min: 1n, max: 999n }),
});

type Step = (order: Order, now: Date) => Decision;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>(confirm) },
  { weight: 1, arbitrary: fc.constant<Step>((order, now) => reject(order, 'OUT_OF_STOCK', 'voided', now)) },
  { weight: 3, arbitrary: fc.constant<Step>(complete) },
  { weight: 1, arbitrary: fc.constant<Step>(requestCancellation) },
  { weight: 2, arbitrary: fc.constant<Step>(confirmCancellation) },
  {
    weight: 5,
    arbitrary: fc
      .array(fc.record({ line: fc.nat(4), quantity: fc.bigInt({ min: 1n, max: 5n }) }), { minLength: 1, maxLength: 3 })
      .map((pieces): Step => {
        const wanted = pieces.map((one) => ({ productId: `p${one.line}`, quantity: one.quantity }));
        return (order, now) => requestReturn(order, `r${order.returns.length}`, wanted, now);
      }),
  },
  {
    weight: 3,
    arbitrary: fc.nat(5).map(
      (nth): Step =>
        (order, now) =>
          settleReturn(order, `r${nth}`, now),
    ),
  },
);

function assertSound(before: Order, { order, event }: Decision, now: Date): void {
  expect(event !== undefined).toBe(order !== before);
  expect(order.version).toBe(before.version + (event ? 1n : 0n));
  if (event) expect(order.updatedAt).toBe(now);
  if (order.status !== before.status) expect(MOVES[before.status]).toContain(order.status);
  expect(order.refunded).toBeGreaterThanOrEqual(before.refunded);
  expect(order.refunded).toBeLessThanOrEqual(order.total);
  for (const { quantity, returned } of order.lines) {
    expect(returned).toBeGreaterThanOrEqual(0n);
    expect(returned).toBeLessThanOrEqual(quantity);
  }
}

/** As if the first half had not been recorded, but what came of it. */
function importedFrom(history: readonly Recorded[]): Recorded[] {
  const half = Math.ceil(history.length / 2);
  const { version, at } = history[half - 1] as Recorded;
  const order = orderFromHistory('o', history.slice(0, half));
  return [{ version, at, event: { type: 'imported', order } }, ...history.slice(half)];
}

describe('an order, whatever is decided about it', () => {
  it('gives back no more than was paid, follows from its history, and accounts for every penny', () => {
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 4 }),
        fc.array(step, { maxLength: 25, size: 'max' }),
        (prices, steps) => {
          const lines = prices.map((price, index) => ({
            ...price,
            productId: `p${index}`,
            stockCode: `s${index}`,
            title: '',
            currency: 'GBP',
          }));
          const how = { deliveryMethod: 'pick-up', sagaStyle: 'orchestrated' } as const;
          const first = place({ orderId: 'o', customerId: 'c', lines, ...how }, new Date(0));
          let order = first.order;
          let cancelled = 0n;
          const history: Recorded[] = [{ version: 1n, at: new Date(0), event: first.event }];
          const take = (decide: Step, now: Date) => {
            const before = order;
            try {
              const decision = decide(before, now);
              assertSound(before, decision, now);
              order = decision.order;
              if (decision.event) history.push({ version: order.version, at: now, event: decision.event });
            } catch (error) {
              if (!(error instanceof DomainError)) throw error;
            }
            if (before.status === 'cancelling' && order.status === 'cancelled')
              cancelled = order.refunded - before.refunded;
          };
          steps.forEach((decide, index) => {
            take(decide, new Date(index + 1));
          });
          // What is under way comes to its end.
          for (const { returnId } of order.returns) take((one, now) => settleReturn(one, returnId, now), new Date(100));
          if (order.status === 'cancelling') take(confirmCancellation, new Date(101));
          expect(history).toHaveLength(Number(order.version));
          expect(orderFromHistory('o', history)).toEqual(order);
          expect(orderFromHistory('o', importedFrom(history))).toEqual(order);
          const returned = order.returns.reduce((sum, one) => sum + one.refund, 0n);
          expect(order.refunded).toBe(returned + cancelled);
          if (cancelled > 0n) expect(order.refunded).toBe(order.total);
          if (cancelled > 0n) expect(order.returns).toEqual([]);
          expect(isSettled(order)).toBe(order.status !== 'placed' && order.status !== 'confirmed');
        },
      ),
      { numRuns: 500 },
    );
  });
});
