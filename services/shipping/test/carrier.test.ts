import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ShipmentStatus } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { eventually } from '@weft/kit/testing';
import { CarrierTimeout } from '../src/app/ports.ts';
import { bounded } from '../src/carriers/bounded.ts';
import { simulator } from '../src/carriers/simulator.ts';
import { defineShipping } from '../src/module.ts';
import { aShipment, type BootedShipping, bootShipping, failure } from './fixture.ts';
import { LedgerCarrier } from './ledger-carrier.ts';

const carrier = new LedgerCarrier();
let shop: BootedShipping;
beforeAll(async () => {
  shop = await bootShipping(defineShipping({ carrier: () => carrier, withdrawEvery: 50 }));
});
beforeEach(() => {
  carrier.before = () => {};
  carrier.after = () => {};
  carrier.asked.length = 0;
});
afterAll(() => shop.stop());

const timesOut = (call: string) => {
  if (call === 'book') throw new CarrierTimeout();
};
const dies = () => {
  throw new Error('the process ends here');
};
/** What the carrier was asked about a shipment, in order; others may be withdrawn meanwhile. */
const asked = (shipmentId: string) =>
  carrier.asked.flatMap((one) => (one.endsWith(shipmentId) ? [one.split(' ')[0]] : []));
/** Makes due now what is to be withdrawn later. */
const hurry = (shipmentId: string) =>
  shop
    .database('shipping')
    .query('UPDATE shipment SET withdraw_at = now() WHERE shipment_id = $1 AND withdraw_at IS NOT NULL', [shipmentId]);

describe('a carrier whose answer is lost', () => {
  it('is asked again with the same key until it answers', async () => {
    const wanted = aShipment('SW1A 1AA');
    const { shipmentId } = wanted;
    carrier.after = timesOut;
    const unavailable = failure(status.UNAVAILABLE, 'CARRIER_TIMEOUT');
    await expect(shop.checkout.createShipment(wanted)).rejects.toEqual(unavailable);
    expect(await shop.row(shipmentId)).toMatchObject({ status: 'pending', version: '0' });
    expect(await shop.events(shipmentId)).toEqual([]);
    carrier.after = () => {};
    const { shipment } = await shop.checkout.createShipment(wanted);
    expect(shipment).toMatchObject({ status: ShipmentStatus.SHIPMENT_STATUS_ACCEPTED, version: 1n });
    expect(new Set(asked(shipmentId))).toEqual(new Set(['book']));
    expect(await shop.events(shipmentId)).toHaveLength(1);
  });

  it('has what it may hold withdrawn when nobody asks again', async () => {
    const wanted = aShipment();
    const { shipmentId } = wanted;
    carrier.after = timesOut;
    await shop.checkout.createShipment(wanted).catch(() => undefined);
    expect((await shop.checkout.cancelShipment({ shipmentId })).shipment?.version).toBe(1n);
    await hurry(shipmentId);
    await eventually(() => carrier.bookings.get(shipmentId) === 'withdrawn');
    await eventually(async () => (await shop.row(shipmentId)).withdraw_at === null);
  });

  it('is told of a cancellation again until it has heard of it', async () => {
    const wanted = aShipment();
    const { shipmentId } = wanted;
    await shop.checkout.createShipment(wanted);
    carrier.before = (call) => {
      if (call === 'withdraw') throw new CarrierTimeout();
    };
    expect((await shop.checkout.cancelShipment({ shipmentId })).shipment?.version).toBe(2n);
    expect(carrier.bookings.get(shipmentId)).toBe('held');
    carrier.before = () => {};
    await eventually(async () => {
      await hurry(shipmentId);
      return carrier.bookings.get(shipmentId) === 'withdrawn';
    });
  });

  it('is given up after a while', async () => {
    const silent = { book: () => new Promise<never>(() => {}), withdraw: () => new Promise<never>(() => {}) };
    const impatient = bounded(silent, 20);
    await expect(impatient.book({ key: 'k', address: undefined, attempt: 1 })).rejects.toBeInstanceOf(CarrierTimeout);
    await expect(impatient.withdraw('k')).rejects.toBeInstanceOf(CarrierTimeout);
  });
});

describe('a process that ends between the carrier’s answer and its record', () => {
  it('books once: the same question gets the same answer after the restart', async () => {
    const wanted = aShipment();
    const { shipmentId } = wanted;
    carrier.after = dies;
    await expect(shop.checkout.createShipment(wanted)).rejects.toEqual(failure(status.INTERNAL, 'INTERNAL'));
    expect(await shop.row(shipmentId)).toEqual({});
    await shop.booted.restart();
    carrier.after = () => {};
    expect((await shop.checkout.createShipment(wanted)).shipment?.version).toBe(1n);
    expect(asked(shipmentId)).toEqual(['book', 'book']);
    expect(await shop.events(shipmentId)).toMatchObject([{ type: 'shipment_created', version: 1n }]);
  });

  it('has the booking withdrawn that nobody has heard of, once the shipment is cancelled', async () => {
    const wanted = aShipment();
    const { shipmentId } = wanted;
    carrier.after = dies;
    await shop.checkout.createShipment(wanted).catch(() => undefined);
    carrier.after = () => {};
    await shop.checkout.cancelShipment({ shipmentId });
    await hurry(shipmentId);
    await eventually(() => carrier.bookings.get(shipmentId) === 'withdrawn');
  });

  it('records its answer although the database dropped its connections meanwhile', async () => {
    const wanted = aShipment();
    carrier.after = async () => void (await shop.database('shipping').disconnectAll());
    expect((await shop.checkout.createShipment(wanted)).shipment?.version).toBe(1n);
  });
});

describe('a booking that comes after the cancellation', () => {
  it('is withdrawn, and the call that hears of it refused', async () => {
    const wanted = aShipment();
    const { shipmentId } = wanted;
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    carrier.before = (call) => {
      if (call !== 'book') return;
      reached.resolve();
      return goOn.promise;
    };
    const late = shop.checkout.createShipment(wanted);
    late.catch(() => {});
    await reached.promise;
    await shop.checkout.cancelShipment({ shipmentId });
    goOn.resolve();
    await expect(late).rejects.toEqual(failure(status.FAILED_PRECONDITION, 'SHIPMENT_CANCELLED'));
    await eventually(() => carrier.bookings.get(shipmentId) === 'withdrawn');
    expect(await shop.events(shipmentId)).toMatchObject([{ type: 'shipment_cancelled', version: 1n }]);
  });
});

describe('the simulator', () => {
  it('answers by postal code and attempt alone', async () => {
    const { book } = simulator(5000);
    const ask = async (postalCode: string | undefined, attempt: number) => {
      const address = aShipment(postalCode).deliveryAddress;
      return book({ key: 'k', address, attempt }).catch((error: Error) => error.name);
    };
    const accepted = { accepted: 'SIM-k', collectsAfterMs: 0 };
    const refused = { refused: 'ADDRESS_NOT_SERVED' };
    for (const [code, first, second] of [
      [undefined, accepted, accepted],
      ['SW1A 1AA', accepted, accepted],
      ['constructor', accepted, accepted],
      ['SIM-REFUSED', refused, refused],
      ['SIM-DELAYED', { ...accepted, collectsAfterMs: 5000 }, { ...accepted, collectsAfterMs: 5000 }],
      ['SIM-TIMEOUT-ACCEPTED', 'CarrierTimeout', accepted],
      ['SIM-TIMEOUT-REFUSED', 'CarrierTimeout', refused],
    ] as const)
      expect([code, await ask(code, 1), await ask(code, 2)]).toEqual([code, first, second]);
  });
});
