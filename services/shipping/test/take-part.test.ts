import { describe, expect, it } from '@jest/globals';
import { CarrierTimeout } from '../src/app/ports.ts';
import { takePart } from '../src/app/take-part.ts';
import { DeliveryAddressNotFound } from '../src/domain/failures.ts';
import type { PartFacts } from '../src/domain/part.ts';
import { LedgerCarrier } from './ledger-carrier.ts';
import { MemoryStore } from './memory-store.ts';

const PLACED: PartFacts = {
  placed: { customerId: 'c', lines: [{ stockCode: 's', quantity: '2' }], delivered: true },
};
const ADDRESS = { recipient: 'A', street: 'B', city: 'C', postalCode: 'D', countryCode: 'GB' };

/** Shipping of one choreographed order, which is told facts and acts on them. */
class Part {
  readonly carrier = new LedgerCarrier();
  readonly store = new MemoryStore(async () => {});
  facts: PartFacts = {};
  erased = false;

  learn(fact: PartFacts, tries = 0): Promise<readonly string[]> {
    this.facts = { ...fact, ...this.facts };
    const note = async (_: string, noted: PartFacts) => {
      this.facts = { ...noted, ...this.facts };
    };
    const deliveryAddress = async (orderId: string) => {
      if (this.erased) throw new DeliveryAddressNotFound(orderId);
      return ADDRESS;
    };
    const app = { store: this.store, carrier: this.carrier, now: () => new Date(0), orders: { deliveryAddress }, note };
    return takePart(app, { id: 'o', facts: this.facts, tries });
  }

  get shipment() {
    return this.store.shipments.get('o');
  }
}

describe('shipping of a choreographed order', () => {
  it.each([
    ['placed first', [PLACED, { authorized: true }]],
    ['authorized first', [{ authorized: true }, PLACED]],
    ['told twice', [PLACED, { authorized: true }, PLACED, { authorized: true }]],
  ] as [string, PartFacts[]][])('asks the carrier once, when it is placed and authorized: %s', async (_, facts) => {
    const part = new Part();
    for (const fact of facts) await part.learn(fact);
    expect(part.shipment).toMatchObject({ status: 'accepted', terms: { lines: [{ stockCode: 's', quantity: 2n }] } });
    expect(part.carrier.asked).toEqual(['book o']);
    expect(await part.learn({})).toEqual(['placed']);
  });

  it('makes none of an order that is cancelled, and cancels the one there is', async () => {
    const early = new Part();
    for (const fact of [{ cancelled: true }, { authorized: true }, PLACED] as PartFacts[]) await early.learn(fact);
    expect([early.shipment?.status, early.carrier.asked]).toEqual(['cancelled', []]);
    const unpaid = new Part();
    await unpaid.learn(PLACED);
    expect(await unpaid.learn({ unpaid: true })).toEqual(['placed']);
    expect([unpaid.shipment, unpaid.carrier.asked]).toEqual([undefined, []]);
    const late = new Part();
    for (const fact of [PLACED, { authorized: true }, { cancelled: true }] as PartFacts[]) await late.learn(fact);
    expect(late.shipment?.status).toBe('cancelled');
  });

  it('gives up when the carrier does not answer in ten tries, and at once when the address is erased', async () => {
    const part = new Part();
    await part.learn(PLACED);
    part.carrier.after = () => {
      throw new CarrierTimeout();
    };
    await expect(part.learn({ authorized: true }, 8)).rejects.toHaveProperty('cause', expect.any(CarrierTimeout));
    expect(part.facts.gaveUp).toBeUndefined();
    await part.learn({}, 9);
    expect([part.shipment?.status, part.facts.gaveUp]).toEqual(['cancelled', { reason: 'CARRIER_TIMEOUT' }]);

    const erased = new Part();
    erased.erased = true;
    await erased.learn(PLACED);
    await erased.learn({ authorized: true });
    expect(erased.facts.gaveUp).toEqual({ reason: 'DELIVERY_ADDRESS_NOT_FOUND' });
    expect(erased.shipment?.status).toBe('cancelled');
  });
});
