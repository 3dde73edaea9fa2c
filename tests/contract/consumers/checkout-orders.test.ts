import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ordersClient } from '@weft/checkout/clients/orders';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import * as shippingSchema from '@weft/gen/es/weft/shipping/v1/events_pb';
import type { PostalAddress } from '@weft/gen/grpc/weft/common/v1/postal_address';
import { type Order, OrderStatus, OrdersServiceService, PaymentStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { ShipmentDispatched } from '@weft/gen/grpc/weft/shipping/v1/events';
import { defineEvent } from '@weft/kit/events';
import { type ClientOf, status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { orders } from '@weft/orders/module';
import { startCatalogStub } from './catalog-stub.ts';
import { ADDRESS, GBP, openPair, type Pair, refusal } from './pair.ts';

const shipmentDispatched = defineEvent(ShipmentDispatched, shippingSchema.ShipmentDispatchedSchema);

let catalog: Awaited<ReturnType<typeof startCatalogStub>>;
let pair: Pair;
let checkout: ReturnType<typeof ordersClient>;
let buyer: ClientOf<typeof OrdersServiceService>;
beforeAll(async () => {
  catalog = await startCatalogStub();
  pair = await openPair(orders, 'checkout', { catalog: catalog.target });
  checkout = ordersClient(pair.client);
  const user = { id: randomUUID(), roles: ['customer'] as const };
  buyer = await pair.booted.client(OrdersServiceService, OrdersService, { user });
});
afterAll(async () => {
  await pair.stop();
  await catalog.stop();
});

async function placed(deliveryAddress?: PostalAddress): Promise<string> {
  const lines = [{ productId: 'lamp', quantity: 2n }];
  const request = {
    idempotencyKey: randomUUID(),
    customerId: '',
    lines,
    paymentMethodToken: 'tok_approved',
    deliveryAddress,
    sagaStyle: 0 as const,
  };
  const { order } = await buyer.placeOrder(request);
  return order?.orderId ?? '';
}

const read = async (orderId: string) => (await buyer.getOrder({ orderId })).order as Order;
/** As if its shipment had left. */
async function dispatched(orderId: string): Promise<void> {
  const head = { shipmentId: orderId, version: 2n, occurTime: undefined };
  await pair.publish(shipmentDispatched.create({ ...head, orderId, customerId: '', trackingCode: '' }));
  await eventually(async () => (await read(orderId)).status === OrderStatus.ORDER_STATUS_COMPLETED);
}
const twice = async (call: () => Promise<void>) => {
  await call();
  await call();
};

describe('what checkout expects of orders', () => {
  it('is that a confirmation may be repeated', async () => {
    const orderId = await placed();
    await twice(() => checkout.confirm(orderId));
    expect(await read(orderId)).toMatchObject({ status: OrderStatus.ORDER_STATUS_CONFIRMED, version: 2n });
    const confirm = { method: 'confirmOrder', request: { orderId } };
    expect(pair.sent()).toEqual([confirm, confirm]);
  });

  /** The reasons that inventory and payments refuse with, and what checkout itself says. */
  it.each([
    'OUT_OF_STOCK',
    'RESERVATION_RELEASED',
    'RESERVATION_EXISTS',
    'CARD_DECLINED',
    'INSUFFICIENT_FUNDS',
    'UNKNOWN_TOKEN',
    'PAYMENT_VOIDED',
    'PAYMENT_EXISTS',
    'PAYMENT_NOT_AUTHORIZED',
    'PAYMENT_NOT_FOUND',
    'PROVIDER_TIMEOUT',
    'ADDRESS_NOT_SERVED',
    'CARRIER_TIMEOUT',
    'SHIPMENT_CANCELLED',
    'SHIPMENT_EXISTS',
    'DELIVERY_ADDRESS_NOT_FOUND',
    'DATABASE_UNAVAILABLE',
    ...Object.keys(status).filter((name) => Number.isNaN(Number(name))),
  ])('is that an order is rejected for %s, also twice', async (reason) => {
    const orderId = await placed();
    await twice(() => checkout.reject(orderId, reason, true));
    expect(await read(orderId)).toMatchObject({
      status: OrderStatus.ORDER_STATUS_REJECTED,
      reason,
      version: 2n,
      paymentStatus: PaymentStatus.PAYMENT_STATUS_DECLINED,
    });
    const reject = { method: 'rejectOrder', request: { orderId, reason, paymentDeclined: true } };
    expect(pair.sent()).toEqual([reject, reject]);
  });

  it('is that the rejection of an order whose cancellation was asked for ends the cancellation', async () => {
    const orderId = await placed();
    await buyer.cancelOrder({ orderId });
    await twice(() => checkout.reject(orderId, 'CANCELLED', false));
    expect(await read(orderId)).toMatchObject({ status: OrderStatus.ORDER_STATUS_CANCELLED, refunded: GBP(0n) });
    pair.sent();
  });

  it('is that an order may be confirmed while its cancellation waits, and the cancellation then, twice', async () => {
    const orderId = await placed();
    await buyer.cancelOrder({ orderId });
    await checkout.confirm(orderId);
    await twice(() => checkout.confirmCancellation(orderId));
    expect(await read(orderId)).toMatchObject({ status: OrderStatus.ORDER_STATUS_CANCELLED, refunded: GBP(200n) });
    const [, first, second] = pair.sent();
    for (const sent of [first, second]) expect(sent).toEqual({ method: 'confirmCancellation', request: { orderId } });
  });

  it('is that a return is settled, also twice', async () => {
    const orderId = await placed();
    await checkout.confirm(orderId);
    await dispatched(orderId);
    const lines = [{ productId: 'lamp', quantity: 1n }];
    const { return: made } = await buyer.returnItems({ idempotencyKey: randomUUID(), orderId, lines });
    const returnId = made?.returnId ?? '';
    await twice(() => checkout.settleReturn(orderId, returnId));
    expect(await read(orderId)).toMatchObject({ refunded: GBP(100n), returns: [{ settleTime: expect.anything() }] });
    const [, first, second] = pair.sent();
    for (const sent of [first, second])
      expect(sent).toEqual({ method: 'settleReturn', request: { orderId, returnId } });
  });

  it('is where an order is sent, and DELIVERY_ADDRESS_NOT_FOUND for one that is picked up', async () => {
    const orderId = await placed(ADDRESS);
    expect(await checkout.deliveryAddress(orderId)).toEqual(ADDRESS);
    expect(pair.sent()).toEqual([{ method: 'getDeliveryAddress', request: { orderId } }]);
    for (const other of [await placed(), randomUUID()])
      await expect(checkout.deliveryAddress(other)).rejects.toEqual(
        refusal(status.NOT_FOUND, 'DELIVERY_ADDRESS_NOT_FOUND'),
      );
    pair.sent();
  });

  it('is ORDER_NOT_FOUND for an order that is not there', async () => {
    await expect(checkout.confirm(randomUUID())).rejects.toEqual(refusal(status.NOT_FOUND, 'ORDER_NOT_FOUND'));
  });
});
