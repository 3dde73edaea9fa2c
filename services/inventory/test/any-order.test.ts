import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import fc from 'fast-check';
import { commit } from '../src/app/commit.ts';
import { release } from '../src/app/release.ts';
import { reserve } from '../src/app/reserve.ts';
import { restock } from '../src/app/restock.ts';
import { setStock } from '../src/app/set-stock.ts';
import { MemoryStore } from './memory-store.ts';

const code = fc.constantFrom('A', 'B', 'C');
const reservationId = fc.constantFrom('r1', 'r2', 'r3', 'r4');
const lines = fc.uniqueArray(fc.record({ stockCode: code, quantity: fc.bigInt({ min: 1n, max: 4n }) }), {
  minLength: 1,
  maxLength: 3,
  selector: ({ stockCode }) => stockCode,
});

type Step = (store: MemoryStore, now: Date) => Promise<unknown>;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(reservationId, lines).map(
      ([id, of]): Step =>
        (on, now) =>
          reserveSoundly(on, id, of, now),
    ),
  },
  {
    weight: 2,
    arbitrary: reservationId.map(
      (id): Step =>
        (on, now) =>
          commit(on, id, now),
    ),
  },
  {
    weight: 2,
    arbitrary: reservationId.map(
      (id): Step =>
        (on, now) =>
          release(on, id, now),
    ),
  },
  {
    weight: 1,
    arbitrary: lines.map(
      (back): Step =>
        (on, now) =>
          on.transaction((tx) => restock(tx, 'back', back, now)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(code, fc.bigInt({ min: 0n, max: 8n })).map(
      ([of, onHand]): Step =>
        (on, now) =>
          setStock(on, of, onHand, now),
    ),
  },
);

/** What Reserve answers with is a promise of exactly those lines. */
async function reserveSoundly(...call: Parameters<typeof reserve>): Promise<void> {
  const { status, lines: held } = await reserve(...call);
  expect(status).not.toBe('released');
  expect(new Map(held.map((line) => [line.stockCode, line.quantity]))).toEqual(
    new Map(call[2].map((line) => [line.stockCode, line.quantity])),
  );
}

const REASONS = [
  'OUT_OF_STOCK',
  'BELOW_RESERVED',
  'RESERVATION_RELEASED',
  'RESERVATION_COMMITTED',
  'RESERVATION_EXISTS',
  'RESERVATION_NOT_FOUND',
];

/** What is reserved of every code by the reservations that stand. */
function promised(store: MemoryStore): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { status, lines: held } of store.reservations.values()) {
    if (status !== 'reserved') continue;
    for (const { stockCode, quantity } of held) sums.set(stockCode, (sums.get(stockCode) ?? 0n) + quantity);
  }
  return sums;
}

describe('stock, whatever is asked of it', () => {
  it('is never below nothing, is reserved for exactly the reservations that stand, and a refusal changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
        const store = new MemoryStore();
        for (const [index, take] of steps.entries()) {
          const before = { ...store, events: [...store.events] };
          try {
            await take(store, new Date(index));
          } catch (error) {
            if (!(error instanceof DomainError)) throw error;
            expect(REASONS).toContain(error.reason);
            expect({ ...store }).toEqual(before);
          }
          const held = promised(store);
          for (const { stockCode, onHand, reserved } of store.stocks.values()) {
            expect(reserved).toBe(held.get(stockCode) ?? 0n);
            expect(onHand).toBeGreaterThanOrEqual(reserved);
          }
          for (const stockCode of held.keys()) expect(store.stocks.has(stockCode)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of a reservation ends committed or released, once, with one event for each change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
        const store = new MemoryStore();
        for (const [index, take] of steps.entries()) await take(store, new Date(index)).catch(() => undefined);
        for (const { reservationId: id, version } of store.reservations.values()) {
          const moves = store.events.flatMap((event) =>
            event.type === 'reservation-changed' && event.reservation.reservationId === id ? [event.reservation] : [],
          );
          expect(moves.map((one) => one.version)).toEqual(moves.map((_, index) => BigInt(index + 1)));
          expect(moves.at(-1)?.version).toBe(version);
          const path = moves.map(({ status }) => status).join(' ');
          expect(['reserved', 'reserved committed', 'reserved released', 'released']).toContain(path);
          if (path === 'released') expect(moves[0]?.lines).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
