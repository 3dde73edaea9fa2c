import { expect, it } from '@jest/globals';
import { orderFromHistory, type Recorded } from '../../src/domain/history.ts';
import type { Placed } from '../../src/domain/order.ts';

const AT = new Date('2026-01-01T00:00:00Z');
const placed: Placed = {
  type: 'placed',
  customerId: 'c',
  currency: 'GBP',
  deliveryMethod: 'pick-up',
  sagaStyle: 'orchestrated',
  lines: [{ productId: 'lamp', stockCode: 's', title: 'Lamp', quantity: 2n, unitPrice: 250n }],
};
const one = (version: bigint, event: Recorded['event']): Recorded => ({ version, at: AT, event });

it.each<[string, Recorded[], RegExp]>([
  ['nothing', [], /no place for nothing/],
  ['a change of an order that was not placed', [one(1n, { type: 'confirmed' })], /no place for confirmed as version 1/],
  ['a version left out', [one(1n, placed), one(3n, { type: 'confirmed' })], /no place for confirmed as version 3/],
  ['a version twice', [one(1n, placed), one(1n, { type: 'confirmed' })], /no place for confirmed as version 1/],
  ['an order placed twice', [one(1n, placed), one(2n, placed)], /no place for placed as version 2/],
  ['a move that is none', [one(1n, placed), one(2n, { type: 'completed' })], /placed cannot become completed/],
])('no order follows from %s', (_, history, message) => {
  expect(() => orderFromHistory('o', history)).toThrow(message);
});

it('an order follows from what it was found as, whatever was recorded before', () => {
  const found = orderFromHistory('o', [one(1n, placed), one(2n, { type: 'confirmed' })]);
  const later = { ...found, version: 7n };
  const history = [one(1n, placed), one(7n, { type: 'imported', order: later }), one(8n, { type: 'completed' })];
  expect(orderFromHistory('o', history)).toMatchObject({ status: 'completed', version: 8n, total: 500n });
});
