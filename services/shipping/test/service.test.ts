import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ShipmentStatus } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { eventually } from '@weft/kit/testing';
import { addressIn, aShipment, type BootedShipping, bootShipping, failure } from './fixture.ts';

const { FAILED_PRECONDITION, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, UNAUTHENTICATED } = status;
const { SHIPMENT_STATUS_ACCEPTED, SHIPMENT_STATUS_CANCELLED, SHIPMENT_STATUS_DISPATCHED } = ShipmentStatus;

let shop: BootedShipping;
beforeAll(async () => {
  shop = await bootShipping();
});
afterAll(() => shop.stop());

const read = async (shipmentId: string) => (await shop.support.getShipment({ shipmentId })).shipment;
async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
const dispatched = (shipmentId: string) =>
  eventually(async () => (await read(shipmentId))?.status === SHIPMENT_STATUS_DISPATCHED);

describe('CreateShipment', () => {
  it.each([
    [undefined, 0],
    ['SW1A 1AA', 0],
    ['SIM-DELAYED', 0],
    ['SIM-TIMEOUT-ACCEPTED', 1],
  ])('is accepted for postal code %s after %d lost answers, and again', async (postalCode, lost) => {
    const wanted = aShipment(postalCode);
    const { shipmentId, orderId, customerId, lines } = wanted;
    const { shipment } = await shop.checkout.createShipment(wanted);
    expect(shipment).toMatchObject({ shipmentId, orderId, customerId, lines, version: 1n, rejectReason: '' });
    expect(shipment).toMatchObject({ status: SHIPMENT_STATUS_ACCEPTED, trackingCode: `SIM-${shipmentId}` });
    if (postalCode === undefined) expect(shipment?.deliveryAddress).toBeUndefined();
    else expect(shipment?.deliveryAddress).toMatchObject(addressIn(postalCode));
    expect(await shop.row(shipmentId)).toMatchObject({ attempts: lost });
    expect((await shop.checkout.createShipment(wanted)).shipment).toEqual(shipment);
    expect(await read(shipmentId)).toEqual(shipment);
    expect(await shop.events(shipmentId)).toMatchObject([
      { type: 'shipment_created', shipmentId, orderId, customerId, version: 1n, occurTime: shipment?.updateTime },
    ]);
  });

  it.each([
    ['SIM-REFUSED', 0],
    ['SIM-TIMEOUT-REFUSED', 1],
  ])('is refused for postal code %s after %d lost answers, and again', async (postalCode, lost) => {
    const wanted = aShipment(postalCode);
    const { shipmentId, orderId } = wanted;
    for (let time = 0; time < 2; time++) {
      await expect(shop.checkout.createShipment(wanted)).rejects.toEqual(
        failure(FAILED_PRECONDITION, 'ADDRESS_NOT_SERVED'),
      );
    }
    expect(await shop.row(shipmentId)).toMatchObject({ status: 'rejected', attempts: lost });
    expect(await shop.events(shipmentId)).toMatchObject([
      { type: 'shipment_rejected', orderId, reason: 'ADDRESS_NOT_SERVED', version: 1n },
    ]);
  });

  it('is done once by calls at the same time, and refuses the same id for something else', async () => {
    const wanted = aShipment('SW1A 1AA');
    const { shipmentId } = wanted;
    const made = await Promise.all(Array.from({ length: 8 }, () => shop.checkout.createShipment(wanted)));
    expect(new Set(made.map(({ shipment }) => shipment?.version))).toEqual(new Set([1n]));
    expect(await shop.events(shipmentId)).toHaveLength(1);
    for (const other of [
      { lines: [{ stockCode: 'LAMP', quantity: 3n }] },
      { customerId: randomUUID() },
      { deliveryAddress: undefined },
      { deliveryAddress: addressIn('M1 1AE') },
    ]) {
      await expect(shop.checkout.createShipment({ ...wanted, ...other })).rejects.toEqual(
        failure(ALREADY_EXISTS, 'SHIPMENT_EXISTS'),
      );
    }
  });

  it('names the field of an address that is wrong', async () => {
    const wanted = aShipment('SW1A 1AA');
    const deliveryAddress = { ...addressIn('SW1A 1AA'), countryCode: 'Britain' };
    await expect(shop.checkout.createShipment({ ...wanted, deliveryAddress })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      violations: [{ field: 'delivery_address.country_code', rule: 'STRING_PATTERN' }],
    });
    await expect(read(wanted.shipmentId)).rejects.toEqual(failure(NOT_FOUND, 'SHIPMENT_NOT_FOUND'));
  });
});

describe('dispatch', () => {
  it('comes once the order is confirmed, not before, and once', async () => {
    const wanted = aShipment();
    const { shipmentId, orderId, customerId } = wanted;
    await shop.checkout.createShipment(wanted);
    await shop.booted.settle(10_000);
    expect(await shop.row(shipmentId)).toMatchObject({ status: 'accepted', dispatch_at: null });
    await shop.confirm(orderId);
    await shop.confirm(orderId);
    await dispatched(shipmentId);
    const shipment = await read(shipmentId);
    expect(shipment).toMatchObject({ version: 2n, dispatchTime: shipment?.updateTime });
    expect((await shop.events(shipmentId)).slice(1)).toMatchObject([
      { type: 'shipment_dispatched', orderId, customerId, version: 2n, trackingCode: `SIM-${shipmentId}` },
    ]);
    await expect(shop.checkout.cancelShipment({ shipmentId })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'SHIPMENT_DISPATCHED'),
    );
    expect((await shop.checkout.createShipment(wanted)).shipment?.status).toBe(SHIPMENT_STATUS_DISPATCHED);
  });

  it('comes after a while when the carrier is slow, also when the process ends meanwhile', async () => {
    const wanted = aShipment('SIM-DELAYED');
    const { shipmentId, orderId } = wanted;
    await shop.checkout.createShipment(wanted);
    await shop.confirm(orderId);
    await eventually(async () => (await shop.row(shipmentId)).dispatch_at !== null);
    expect((await read(shipmentId))?.status).toBe(SHIPMENT_STATUS_ACCEPTED);
    await shop.booted.restart();
    await dispatched(shipmentId);
    expect((await shop.events(shipmentId)).map(({ type }) => type)).toEqual([
      'shipment_created',
      'shipment_dispatched',
    ]);
  });

  it('never comes for what was refused, cancelled or never made', async () => {
    const refused = aShipment('SIM-REFUSED');
    await shop.checkout.createShipment(refused).catch(() => undefined);
    const cancelled = aShipment();
    await shop.checkout.createShipment(cancelled);
    await shop.checkout.cancelShipment(cancelled);
    for (const orderId of [refused.orderId, cancelled.orderId, randomUUID()]) await shop.confirm(orderId);
    await shop.booted.settle(10_000);
    expect(await shop.row(refused.shipmentId)).toMatchObject({ status: 'rejected', dispatch_at: null });
    expect(await shop.row(cancelled.shipmentId)).toMatchObject({ status: 'cancelled', dispatch_at: null });
  });
});

describe('CancelShipment', () => {
  it('keeps a shipment from leaving, also one that waits for the carrier, and may be repeated', async () => {
    const wanted = aShipment('SIM-DELAYED');
    const { shipmentId, orderId } = wanted;
    await shop.checkout.createShipment(wanted);
    await shop.confirm(orderId);
    await eventually(async () => (await shop.row(shipmentId)).dispatch_at !== null);
    for (let time = 0; time < 2; time++) {
      const { shipment } = await shop.checkout.cancelShipment({ shipmentId });
      expect(shipment).toMatchObject({ status: SHIPMENT_STATUS_CANCELLED, version: 2n });
    }
    await expect(shop.checkout.createShipment(wanted)).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'SHIPMENT_CANCELLED'),
    );
    expect((await shop.events(shipmentId)).map(({ type }) => type)).toEqual(['shipment_created', 'shipment_cancelled']);
  });

  it('of one never seen refuses the late CreateShipment', async () => {
    const wanted = aShipment('SW1A 1AA');
    const { shipmentId } = wanted;
    const { shipment } = await shop.checkout.cancelShipment({ shipmentId });
    expect(shipment).toMatchObject({ status: SHIPMENT_STATUS_CANCELLED, orderId: '', customerId: '', version: 1n });
    await expect(shop.checkout.createShipment(wanted)).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'SHIPMENT_CANCELLED'),
    );
    expect((await shop.checkout.cancelShipment({ shipmentId })).shipment?.version).toBe(1n);
    expect(await shop.events(shipmentId)).toMatchObject([{ type: 'shipment_cancelled', version: 1n }]);
  });

  it('that races the dispatch has one winner', async () => {
    const wanted = Array.from({ length: 20 }, () => aShipment());
    for (const one of wanted) await shop.checkout.createShipment(one);
    await Promise.all(
      wanted.map(async (one) => {
        const [, cancelled] = await Promise.all([
          shop.confirm(one.orderId),
          shop.checkout.cancelShipment(one).then(
            () => true,
            () => false,
          ),
        ]);
        await shop.booted.settle(20_000);
        const last = cancelled ? 'shipment_cancelled' : 'shipment_dispatched';
        expect((await shop.events(one.shipmentId)).map(({ type }) => type)).toEqual(['shipment_created', last]);
      }),
    );
  });
});

describe('WatchShipment', () => {
  it('sends the shipment now and after each change, and ends with it', async () => {
    const wanted = aShipment('SIM-DELAYED');
    const { shipmentId, customerId } = wanted;
    await shop.checkout.createShipment(wanted);
    const owner = await shop.as({ user: { id: customerId, roles: ['customer'] } });
    const seen: [number | undefined, bigint | undefined][] = [];
    let token = '';
    for await (const { shipment, resumeToken } of owner.watchShipment({ shipmentId, resumeToken: '' })) {
      seen.push([shipment?.status, shipment?.version]);
      token = resumeToken;
      if (seen.length === 1) await shop.confirm(shipmentId);
    }
    expect(seen).toEqual([
      [SHIPMENT_STATUS_ACCEPTED, 1n],
      [SHIPMENT_STATUS_DISPATCHED, 2n],
    ]);
    const rest = await all(owner.watchShipment({ shipmentId, resumeToken: token }));
    expect(rest).toEqual([]);
    const stranger = await shop.as({ user: { id: randomUUID(), roles: ['customer'] } });
    await expect(all(stranger.watchShipment({ shipmentId, resumeToken: '' }))).rejects.toEqual(
      failure(NOT_FOUND, 'SHIPMENT_NOT_FOUND'),
    );
    await expect(all(owner.watchShipment({ shipmentId, resumeToken: 'x' }))).rejects.toMatchObject({
      violations: [{ field: 'resume_token' }],
    });
  });
});

describe('who asks', () => {
  it('a customer reads only their own shipment, staff read all, and only checkout changes them', async () => {
    const wanted = aShipment();
    const { shipmentId, customerId } = wanted;
    const { shipment } = await shop.checkout.createShipment(wanted);
    const user = async (id: string, role: 'customer' | 'support' | 'admin') => shop.as({ user: { id, roles: [role] } });
    const owner = await user(customerId, 'customer');
    const admin = await user(randomUUID(), 'admin');
    for (const reader of [owner, admin]) expect((await reader.getShipment({ shipmentId })).shipment).toEqual(shipment);
    const stranger = await user(randomUUID(), 'customer');
    await expect(stranger.getShipment({ shipmentId })).rejects.toEqual(failure(NOT_FOUND, 'SHIPMENT_NOT_FOUND'));
    await expect((await shop.as({})).getShipment({ shipmentId })).rejects.toEqual(
      failure(UNAUTHENTICATED, 'TOKEN_REQUIRED'),
    );
    for (const client of [owner, admin, await shop.as({ caller: 'orders' })]) {
      for (const call of [client.createShipment(aShipment()), client.cancelShipment({ shipmentId })])
        await expect(call).rejects.toEqual(failure(PERMISSION_DENIED, 'NOT_ALLOWED'));
    }
  });

  it('an address is in no event and no log, and is gone once the account is deleted, also one that comes later', async () => {
    const wanted = aShipment('SW1A 9ZZ');
    const { shipmentId, customerId } = wanted;
    await shop.checkout.createShipment(wanted);
    const stored = () => shop.booted.database('shipping').query('SELECT * FROM shipment_address');
    const held = async () => JSON.stringify(await stored());
    expect(await held()).toContain('SW1A 9ZZ');
    await shop.erase(customerId);
    const late = aShipment('SW1A 9ZZ', { customerId });
    expect((await shop.checkout.createShipment(late)).shipment?.status).toBe(SHIPMENT_STATUS_ACCEPTED);
    expect((await shop.checkout.createShipment(wanted)).shipment?.version).toBe(1n);
    expect(await held()).not.toContain('SW1A 9ZZ');
    expect((await read(shipmentId))?.deliveryAddress).toBeUndefined();
    const bus = await shop.bus.query<{ payload: Buffer }>('SELECT payload FROM bus.message');
    expect(bus.some(({ payload }) => payload.includes('SW1A 9ZZ'))).toBe(false);
    expect(JSON.stringify(shop.logs)).not.toContain('SW1A 9ZZ');
  });
});
