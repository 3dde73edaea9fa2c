import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { OrderStatus, OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { ShipmentStatus, ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { status } from '@weft/kit/rpc';
import { type As, eventually } from '@weft/kit/testing';
import { orders } from '@weft/orders/module';
import { shipping } from '@weft/shipping/module';
import { startCatalogStub } from './catalog-stub.ts';
import { openPair, type Pair, publishedOf, refusal } from './pair.ts';

let catalog: Awaited<ReturnType<typeof startCatalogStub>>;
let shop: Pair;
let depot: Pair;
beforeAll(async () => {
  catalog = await startCatalogStub();
  shop = await openPair(orders, 'checkout', { catalog: catalog.target });
  depot = await openPair(shipping, 'checkout');
});
afterAll(async () => {
  await depot.stop();
  await shop.stop();
  await catalog.stop();
});

const CHECKOUT = { caller: 'checkout' } as const;
const SUPPORT = { user: { id: randomUUID(), roles: ['support'] } } as const;
const inShop = (who: As) => shop.booted.client(OrdersServiceService, OrdersService, who);
const inDepot = (who: As) => depot.booted.client(ShippingServiceService, ShippingService, who);

/** An order that is confirmed, and its shipment. */
async function confirmed(): Promise<string> {
  const lines = [{ productId: 'lamp', quantity: 2n }];
  const how = { paymentMethodToken: 'tok_approved', deliveryAddress: undefined, sagaStyle: 0 as const };
  const support = await inShop(SUPPORT);
  const request = { idempotencyKey: randomUUID(), customerId: randomUUID(), lines, ...how };
  const orderId = (await support.placeOrder(request)).order?.orderId ?? '';
  const checkout = await inDepot(CHECKOUT);
  const whose = { shipmentId: orderId, orderId, customerId: request.customerId };
  await checkout.createShipment({ ...whose, lines: [{ stockCode: 'L', quantity: 2n }], deliveryAddress: undefined });
  await (await inShop(CHECKOUT)).confirmOrder({ orderId });
  return orderId;
}

describe('what orders and shipping read in each other’s events', () => {
  it('is that a confirmed order’s shipment may leave, and that an order whose shipment left is complete', async () => {
    const orderId = await confirmed();
    const staff = await inDepot(SUPPORT);
    const shipment = async () => (await staff.getShipment({ shipmentId: orderId })).shipment?.status;
    expect(await shipment()).toBe(ShipmentStatus.SHIPMENT_STATUS_ACCEPTED);
    await depot.publish(...(await publishedOf(shop.booted, orderId)));
    await eventually(async () => (await shipment()) === ShipmentStatus.SHIPMENT_STATUS_DISPATCHED);

    const support = await inShop(SUPPORT);
    const order = async () => (await support.getOrder({ orderId })).order?.status;
    expect(await order()).toBe(OrderStatus.ORDER_STATUS_CONFIRMED);
    const left = (await publishedOf(depot.booted, orderId)).filter(({ type }) => type.startsWith('weft.shipping.'));
    await shop.publish(...left);
    await eventually(async () => (await order()) === OrderStatus.ORDER_STATUS_COMPLETED);
    await expect(support.cancelOrder({ orderId })).rejects.toEqual(
      refusal(status.FAILED_PRECONDITION, 'ORDER_COMPLETED'),
    );
  });
});
