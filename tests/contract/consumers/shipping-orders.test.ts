import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import type { PostalAddress } from '@weft/gen/grpc/weft/common/v1/postal_address';
import { OrdersServiceService, SagaStyle } from '@weft/gen/grpc/weft/orders/v1/orders';
import { orders } from '@weft/orders/module';
import { ordersClient } from '@weft/shipping/clients/orders';
import { startCatalogStub } from './catalog-stub.ts';
import { ADDRESS, openPair, type Pair } from './pair.ts';

let catalog: Awaited<ReturnType<typeof startCatalogStub>>;
let pair: Pair;
let shipping: ReturnType<typeof ordersClient>;
beforeAll(async () => {
  catalog = await startCatalogStub();
  pair = await openPair(orders, 'shipping', { catalog: catalog.target });
  shipping = ordersClient(pair.client);
});
afterAll(async () => {
  await pair.stop();
  await catalog.stop();
});

async function placed(deliveryAddress?: PostalAddress): Promise<string> {
  const buyer = await pair.booted.client(OrdersServiceService, OrdersService, {
    user: { id: randomUUID(), roles: ['customer'] },
  });
  const { order } = await buyer.placeOrder({
    idempotencyKey: randomUUID(),
    customerId: '',
    lines: [{ productId: 'lamp', quantity: 2n }],
    paymentMethodToken: 'tok_approved',
    deliveryAddress,
    sagaStyle: SagaStyle.SAGA_STYLE_CHOREOGRAPHED,
  });
  return order?.orderId ?? '';
}

describe('shipping asks orders', () => {
  it('where an order is sent', async () => {
    const orderId = await placed(ADDRESS);
    expect(await shipping.deliveryAddress(orderId)).toEqual(ADDRESS);
    expect(pair.sent()).toEqual([{ method: 'getDeliveryAddress', request: { orderId } }]);
  });

  it('in vain, and is told so, where there is no address', async () => {
    const orderId = await placed();
    await expect(shipping.deliveryAddress(orderId)).rejects.toMatchObject({ reason: 'DELIVERY_ADDRESS_NOT_FOUND' });
  });
});
