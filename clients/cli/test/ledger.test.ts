import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLedger, type Ledger } from '../src/replay/ledger.ts';

interface Bought {
  readonly sequence: number;
  readonly customer?: string;
  readonly code?: string;
  readonly price?: bigint;
  readonly pieces: bigint;
}

function sell(ledger: Ledger, { sequence, customer = '1', code = '22960', price = 100n, pieces }: Bought): void {
  const line = { productId: `${code}-${price}`, stockCode: code, price, pieces };
  ledger.record({ orderId: `order-${sequence}`, sequence, customer, lines: [line] });
}

const wanted = { customer: '1', code: '22960', price: 100n, before: 100 };
const shares = (parts: readonly { orderId: string; pieces: bigint }[]) =>
  parts.map(({ orderId, pieces }) => [orderId, pieces]);

describe('a return', () => {
  it('is taken from the most recent sale first and spread over several', () => {
    const ledger = createLedger();
    for (const [sequence, pieces] of [
      [3, 4n],
      [1, 5n],
      [2, 6n],
    ] as const)
      sell(ledger, { sequence, pieces });
    const { parts, left } = ledger.allocate({ ...wanted, pieces: 12n });
    expect(shares(parts)).toEqual([
      ['order-3', 4n],
      ['order-2', 6n],
      ['order-1', 2n],
    ]);
    expect(left).toBe(0n);
  });

  it('prefers sales at its own price to more recent ones', () => {
    const ledger = createLedger();
    sell(ledger, { sequence: 1, pieces: 2n });
    sell(ledger, { sequence: 2, pieces: 9n, price: 90n });
    const { parts } = ledger.allocate({ ...wanted, pieces: 3n });
    expect(parts).toMatchObject([
      { orderId: 'order-1', price: 100n, pieces: 2n },
      { orderId: 'order-2', price: 90n, pieces: 1n },
    ]);
  });

  it('is not taken from later sales, other customers or other codes', () => {
    const ledger = createLedger();
    sell(ledger, { sequence: 101, pieces: 5n });
    sell(ledger, { sequence: 1, pieces: 5n, customer: '2' });
    sell(ledger, { sequence: 2, pieces: 5n, code: '22961' });
    expect(ledger.allocate({ ...wanted, pieces: 1n })).toEqual({ parts: [], left: 1n });
  });

  it('that was refused can be made from the same sale again', () => {
    const ledger = createLedger();
    sell(ledger, { sequence: 1, pieces: 5n });
    for (const part of ledger.allocate({ ...wanted, pieces: 5n }).parts) ledger.restore(part);
    expect(ledger.allocate({ ...wanted, pieces: 9n }).left).toBe(4n);
  });

  it('gives out every piece once, never more than was sold before it, and says what is left', () => {
    const sale = fc.record({
      sequence: fc.nat({ max: 20 }),
      customer: fc.constantFrom('1', '2'),
      code: fc.constantFrom('22960', '22961'),
      price: fc.constantFrom(90n, 100n),
      pieces: fc.bigInt({ min: 1n, max: 20n }),
    });
    const back = fc.record({
      before: fc.nat({ max: 21 }),
      customer: fc.constantFrom('1', '2'),
      code: fc.constantFrom('22960', '22961'),
      price: fc.constantFrom(90n, 100n),
      pieces: fc.bigInt({ min: 1n, max: 60n }),
    });
    const distinct = fc.uniqueArray(sale, { selector: ({ sequence }) => sequence });
    fc.assert(
      fc.property(distinct, fc.array(back, { maxLength: 12 }), (sales, returns) => {
        const ledger = createLedger();
        for (const one of sales) sell(ledger, one);
        const left = new Map(sales.map((one) => [`order-${one.sequence}`, one.pieces]));
        for (const one of returns) {
          const open = sales.filter(
            ({ customer, code, sequence }) => customer === one.customer && code === one.code && sequence < one.before,
          );
          const available = open.reduce((sum, { sequence }) => sum + (left.get(`order-${sequence}`) ?? 0n), 0n);
          const { parts, left: rest } = ledger.allocate(one);
          const given = parts.reduce((sum, { pieces }) => sum + pieces, 0n);
          expect(given + rest).toBe(one.pieces);
          const enough = one.pieces <= available;
          expect(given).toBe(enough ? one.pieces : available);
          for (const { orderId, pieces, sequence } of parts) {
            expect(sequence).toBeLessThan(one.before);
            left.set(orderId, (left.get(orderId) ?? 0n) - pieces);
            expect(left.get(orderId)).toBeGreaterThanOrEqual(0n);
          }
        }
      }),
    );
  });
});
