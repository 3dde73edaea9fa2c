import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { assertAvailable, available, type Stock, setOnHand } from '../../src/domain/stock.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const LATER = new Date('2026-01-01T00:00:01Z');

const stock = (stockCode: string, onHand: bigint, reserved = 0n): Stock => ({
  stockCode,
  onHand,
  reserved,
  version: 7n,
  updatedAt: NOW,
});

const stocks = (...all: Stock[]) => new Map(all.map((one) => [one.stockCode, one]));

describe('setting stock', () => {
  it('creates a stock code with nothing reserved', () => {
    expect(setOnHand(undefined, 'A', 5n, NOW)).toEqual({
      stockCode: 'A',
      onHand: 5n,
      reserved: 0n,
      version: 1n,
      updatedAt: NOW,
    });
  });

  it('to what it is already changes nothing', () => {
    const standing = stock('A', 5n);
    expect(setOnHand(standing, 'A', 5n, LATER)).toBe(standing);
  });

  it('leaves what is reserved on the shelf, whatever is wanted', () => {
    const pieces = fc.bigInt({ min: 0n, max: 20n });
    fc.assert(
      fc.property(pieces, pieces, pieces, (reserved, more, wanted) => {
        const standing = stock('A', reserved + more, reserved);
        const set = () => setOnHand(standing, 'A', wanted, LATER);
        if (wanted < reserved) {
          const metadata = { stock_code: 'A', reserved: String(reserved) };
          expect(set).toThrow(expect.objectContaining({ reason: 'BELOW_RESERVED', metadata }));
          return;
        }
        const changed = wanted !== standing.onHand;
        expect(set()).toMatchObject({ onHand: wanted, reserved, version: changed ? 8n : 7n });
        expect(available(set())).toBe(wanted - reserved);
      }),
    );
  });
});

describe('what is available', () => {
  const wanted = (...lines: [string, bigint][]) => lines.map(([stockCode, quantity]) => ({ stockCode, quantity }));

  it('is what is on hand and not reserved', () => {
    const shelf = stocks(stock('A', 5n, 3n), stock('B', 1n));
    expect(() => assertAvailable(shelf, wanted(['A', 2n], ['B', 1n]))).not.toThrow();
    expect(() => assertAvailable(shelf, wanted(['A', 3n], ['B', 1n]))).toThrow(
      expect.objectContaining({ reason: 'OUT_OF_STOCK', metadata: { stock_codes: 'A', count: '1' } }),
    );
  });

  it('is nothing of an unknown code, and a refusal names all that is short', () => {
    expect(() => assertAvailable(stocks(stock('A', 5n)), wanted(['X', 1n], ['A', 5n], ['Y', 1n]))).toThrow(
      expect.objectContaining({ metadata: { stock_codes: 'X,Y', count: '2' } }),
    );
  });

  it('is refused with ten names at most and the number of all', () => {
    const lines = Array.from({ length: 25 }, (_, index): [string, bigint] => [`C${index}`, 1n]);
    const stock_codes = 'C0,C1,C2,C3,C4,C5,C6,C7,C8,C9';
    expect(() => assertAvailable(new Map(), wanted(...lines))).toThrow(
      expect.objectContaining({ metadata: { stock_codes, count: '25' } }),
    );
  });
});
