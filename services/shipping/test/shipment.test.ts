import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  answered,
  assertStands,
  cancel,
  dispatch,
  hasEnded,
  makeReady,
  newShipment,
  type Shipment,
  type Terms,
  tombstone,
} from '../src/domain/shipment.ts';

const TERMS: Terms = {
  orderId: 'o',
  customerId: 'c',
  lines: [
    { stockCode: 'A', quantity: 1n },
    { stockCode: 'B', quantity: 2n },
  ],
  delivered: false,
  address: undefined,
};
const at = (ms: number) => new Date(ms);
const ACCEPTED = { accepted: 'T', collectsAfterMs: 1000 };

describe('a shipment', () => {
  it('leaves when it was accepted, its order is confirmed and the carrier has collected it', () => {
    const asked = newShipment('s', TERMS, at(0));
    expect(makeReady(asked, at(1))).toBe(asked);
    const accepted = answered(asked, ACCEPTED, at(1));
    expect(dispatch(accepted, at(9999))).toBe(accepted);
    const ready = makeReady(accepted, at(10));
    expect(ready).toMatchObject({ status: 'accepted', dispatchAt: at(1010), version: 1n });
    expect(makeReady(ready, at(500))).toBe(ready);
    expect(dispatch(ready, at(1009))).toBe(ready);
    const left = dispatch(ready, at(1010));
    expect(left).toMatchObject({ status: 'dispatched', dispatchedAt: at(1010), dispatchAt: undefined, version: 2n });
    expect(() => cancel(left, at(1011))).toThrow(expect.objectContaining({ reason: 'SHIPMENT_DISPATCHED' }));
  });

  it('is the same with its lines in another order, and another with another line', () => {
    const standing = answered(newShipment('s', TERMS, at(0)), ACCEPTED, at(1));
    expect(assertStands(standing, { ...TERMS, lines: TERMS.lines.toReversed() })).toBe(standing);
    const [first] = TERMS.lines;
    expect(() => assertStands(standing, { ...TERMS, lines: first ? [first] : [] })).toThrow(
      expect.objectContaining({ reason: 'SHIPMENT_EXISTS' }),
    );
  });

  const step = fc.constantFrom('accept', 'refuse', 'lose', 'ready', 'dispatch', 'cancel');

  it('has one end, whatever happens in whatever order, and leaves only when accepted and confirmed', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 20 }), (seen, steps) => {
        let shipment: Shipment = seen ? newShipment('s', TERMS, at(0)) : tombstone('s', at(0));
        let confirmed = false;
        let ended: Shipment['status'] | undefined;
        for (const [index, one] of steps.entries()) {
          const now = at((index + 1) * 2000);
          const before = shipment;
          try {
            if (one === 'accept') shipment = answered(shipment, ACCEPTED, now);
            else if (one === 'refuse') shipment = answered(shipment, { refused: 'NO' }, now);
            else if (one === 'lose') shipment = answered(shipment, 'unknown', now);
            else if (one === 'dispatch') shipment = dispatch(shipment, now);
            else if (one === 'cancel') shipment = cancel(shipment, now);
            else {
              confirmed ||= shipment.status === 'accepted';
              shipment = makeReady(shipment, now);
            }
          } catch (error) {
            expect([one, before.status, (error as { reason?: string }).reason]).toEqual([
              'cancel',
              'dispatched',
              'SHIPMENT_DISPATCHED',
            ]);
          }
          expect(shipment.version - before.version).toBe(shipment.status === before.status ? 0n : 1n);
          if (ended) expect(shipment.status).toBe(ended);
          if (hasEnded(shipment)) ended = shipment.status;
          if (shipment.status === 'dispatched') expect([confirmed, shipment.trackingCode]).toEqual([true, 'T']);
          // What the carrier may hold of a cancelled shipment is not forgotten.
          if (before.status !== 'cancelled' && shipment.status === 'cancelled')
            expect(shipment.withdrawAt).toBeDefined();
        }
      }),
    );
  });
});
