import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import * as ordersSchema from '@weft/gen/es/weft/orders/v1/events_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import * as usersSchema from '@weft/gen/es/weft/users/v1/events_pb';
import { OrderConfirmed } from '@weft/gen/grpc/weft/orders/v1/events';
import * as events from '@weft/gen/grpc/weft/shipping/v1/events';
import { type CreateShipmentRequest, ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { UserDeleted } from '@weft/gen/grpc/weft/users/v1/events';
import { defineEvent, openPostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { type As, boot } from '@weft/kit/testing';
import { toTimestamp } from '@weft/kit/time';
import { type defineShipping, shipping } from '../src/module.ts';

const orderConfirmed = defineEvent(OrderConfirmed, ordersSchema.OrderConfirmedSchema);
const userDeleted = defineEvent(UserDeleted, usersSchema.UserDeletedSchema);

/** Shipping as it runs, with what its tests look at. What it is asked to delay takes `delayMs`. */
export async function bootShipping(service: ReturnType<typeof defineShipping> = shipping, delayMs = 300) {
  const booted = await boot([service], {
    env: { SHIPPING_CARRIER_DELAY_MS: String(delayMs) },
    targets: { orders: '127.0.0.1:1' },
  });
  const logger = createLogger({ level: 'silent', pretty: false });
  const bus = openPostgresBus({ url: booted.bus.url, name: 'test', logger });
  const as = (who: As) => booted.client(ShippingServiceService, ShippingService, who);
  const row = async (shipmentId: string): Promise<Record<string, unknown>> => {
    const sql = 'SELECT * FROM shipment WHERE shipment_id = $1';
    const [found] = await booted.database('shipping').query<Record<string, unknown>>(sql, [shipmentId]);
    return found ?? {};
  };
  return {
    ...booted,
    /** The running system changes with a restart; the rest stays. */
    booted,
    as,
    checkout: await as({ caller: 'checkout' }),
    support: await as({ user: { id: randomUUID(), roles: ['support'] } }),
    row,
    /** Publishes that the order of a shipment is confirmed. */
    async confirm(orderId: string): Promise<void> {
      const head = { orderId, version: 2n, occurTime: toTimestamp(new Date()) };
      await bus.publish([orderConfirmed.create({ ...head, customerId: randomUUID() })]);
    },
    async erase(userId: string): Promise<void> {
      await bus.publish([userDeleted.create({ userId, version: 2n, occurTime: toTimestamp(new Date()) })]);
      await booted.settle(10_000);
    },
    /** The events of a shipment on the bus: name and content, in order. */
    async events(shipmentId: string): Promise<Record<string, unknown>[]> {
      await booted.settle(10_000);
      const published = await booted.bus.query<{ type: string; payload: Buffer }>(
        "SELECT type, payload FROM bus.message WHERE key = $1 AND type LIKE 'weft.shipping.%' ORDER BY seq",
        [shipmentId],
      );
      return published.map(({ type, payload }) => {
        const name = type.slice('weft.shipping.v1.'.length);
        return { type: name, ...DECODERS[name]?.decode(payload) };
      });
    },
    async stop() {
      await bus.close();
      await booted.stop();
    },
  };
}

export type BootedShipping = Awaited<ReturnType<typeof bootShipping>>;

const DECODERS: Readonly<Record<string, { decode(bytes: Uint8Array): object }>> = {
  shipment_created: events.ShipmentCreated,
  shipment_rejected: events.ShipmentRejected,
  shipment_dispatched: events.ShipmentDispatched,
  shipment_cancelled: events.ShipmentCancelled,
};

export const addressIn = (postalCode: string) => ({
  recipient: 'Arthur Dent',
  street: '155 Country Lane',
  city: 'Cottington',
  postalCode,
  countryCode: 'GB',
});

/** A shipment to an address with this postal code, or one that is picked up. */
export function aShipment(postalCode?: string, other: Partial<CreateShipmentRequest> = {}): CreateShipmentRequest {
  const shipmentId = randomUUID();
  return {
    shipmentId,
    orderId: shipmentId,
    customerId: randomUUID(),
    lines: [{ stockCode: 'LAMP', quantity: 2n }],
    deliveryAddress: postalCode === undefined ? undefined : addressIn(postalCode),
    ...other,
  };
}

/** What a call throws: the status code and the stable reason. */
export const failure = (code: number, reason: string) => expect.objectContaining({ code, reason });
