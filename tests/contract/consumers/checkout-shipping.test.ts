import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { shippingClient } from '@weft/checkout/clients/shipping';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { ShipmentStatus, ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { status } from '@weft/kit/rpc';
import { shipping } from '@weft/shipping/module';
import { ADDRESS, openPair, type Pair, refusal } from './pair.ts';

let pair: Pair;
let carrier: ReturnType<typeof shippingClient>;
beforeAll(async () => {
  pair = await openPair(shipping, 'checkout');
  carrier = shippingClient(pair.client);
});
afterAll(() => pair.stop());

const LINES = [{ stockCode: 'L', quantity: 2n }];

function shipment(postalCode?: string) {
  const orderId = randomUUID();
  const address = postalCode === undefined ? undefined : { ...ADDRESS, postalCode };
  return { shipmentId: orderId, orderId, customerId: randomUUID(), lines: LINES, address };
}

async function read(shipmentId: string) {
  const user = { id: randomUUID(), roles: ['support'] as const };
  const staff = await pair.booted.client(ShippingServiceService, ShippingService, { user });
  return (await staff.getShipment({ shipmentId })).shipment;
}

describe('what checkout expects of shipping', () => {
  it('is that a shipment is made once, however often it is repeated, to an address or to be picked up', async () => {
    for (const wanted of [shipment('SW1A 1AA'), shipment()]) {
      const { shipmentId, orderId, customerId, address } = wanted;
      for (let time = 0; time < 2; time++) await carrier.create(wanted);
      expect(await read(shipmentId)).toMatchObject({
        status: ShipmentStatus.SHIPMENT_STATUS_ACCEPTED,
        orderId,
        customerId,
        version: 1n,
      });
      const request = { shipmentId, orderId, customerId, lines: LINES, deliveryAddress: address };
      const create = { method: 'createShipment', request };
      expect(pair.sent()).toEqual([create, create]);
    }
  });

  it('is that cancelling undoes it, one refused or never made too, and that a late one is refused', async () => {
    const [made, refused, never] = [shipment('SW1A 1AA'), shipment('SIM-REFUSED'), shipment()];
    await carrier.create(made);
    await expect(carrier.create(refused)).rejects.toEqual(refusal(status.FAILED_PRECONDITION, 'ADDRESS_NOT_SERVED'));
    pair.sent();
    for (const { shipmentId } of [made, made, refused, never, never]) await carrier.cancel(shipmentId);
    expect(pair.sent()[0]).toEqual({ method: 'cancelShipment', request: { shipmentId: made.shipmentId } });
    for (const late of [made, never])
      await expect(carrier.create(late)).rejects.toEqual(refusal(status.FAILED_PRECONDITION, 'SHIPMENT_CANCELLED'));
  });

  it('is UNAVAILABLE when the carrier does not answer, and its answer when it is asked again', async () => {
    const [accepted, refused] = [shipment('SIM-TIMEOUT-ACCEPTED'), shipment('SIM-TIMEOUT-REFUSED')];
    for (const wanted of [accepted, refused])
      await expect(carrier.create(wanted)).rejects.toEqual(refusal(status.UNAVAILABLE, 'CARRIER_TIMEOUT'));
    await carrier.create(accepted);
    await expect(carrier.create(refused)).rejects.toEqual(refusal(status.FAILED_PRECONDITION, 'ADDRESS_NOT_SERVED'));
  });

  it('is room for as many lines as an order may have', async () => {
    const lines = Array.from({ length: 1000 }, (_, index) => ({ stockCode: `L-${index}`, quantity: 1n }));
    await carrier.create({ ...shipment(), lines });
  });
});
