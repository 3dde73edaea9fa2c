import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkout } from '@weft/checkout/module';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import * as shippingSchema from '@weft/gen/es/weft/shipping/v1/events_pb';
import type { PostalAddress } from '@weft/gen/grpc/weft/common/v1/postal_address';
import { OrdersServiceService, SagaStyle } from '@weft/gen/grpc/weft/orders/v1/orders';
import { ShipmentDispatched } from '@weft/gen/grpc/weft/shipping/v1/events';
import { defineEvent } from '@weft/kit/events';
import type { ClientOf } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { orders } from '@weft/orders/module';
import { startCatalogStub } from './catalog-stub.ts';
import { ADDRESS, openPair, type Pair, publishedOf } from './pair.ts';

const shipmentDispatched = defineEvent(ShipmentDispatched, shippingSchema.ShipmentDispatchedSchema);

let catalog: Awaited<ReturnType<typeof startCatalogStub>>;
let provider: Pair;
let consumer: Pair;
let buyer: ClientOf<typeof OrdersServiceService>;
let service: ClientOf<typeof OrdersServiceService>;
const customerId = randomUUID();
beforeAll(async () => {
  catalog = await startCatalogStub();
  provider = await openPair(orders, 'checkout', { catalog: catalog.target });
  consumer = await openPair(checkout, 'orders');
  buyer = await provider.booted.client(OrdersServiceService, OrdersService, {
    user: { id: customerId, roles: ['customer'] },
  });
  service = await provider.booted.client(OrdersServiceService, OrdersService, { caller: 'checkout' });
});
afterAll(async () => {
  await consumer.stop();
  await provider.stop();
  await catalog.stop();
});

async function placed(deliveryAddress?: PostalAddress): Promise<string> {
  const lines = [
    { productId: 'lamp', quantity: 2n },
    { productId: 'box', quantity: 1n },
  ];
  const request = {
    idempotencyKey: randomUUID(),
    customerId: '',
    lines,
    paymentMethodToken: 'tok_approved',
    deliveryAddress,
    sagaStyle: SagaStyle.SAGA_STYLE_UNSPECIFIED,
  };
  return (await buyer.placeOrder(request)).order?.orderId ?? '';
}

/** Takes what orders has published of an order to checkout's bus, as it is. */
async function deliver(orderId: string): Promise<void> {
  await consumer.publish(...(await publishedOf(provider.booted, orderId)));
}

async function saga(sagaId: string): Promise<Record<string, unknown>> {
  const sql = 'SELECT kind, order_id, input, cancellation, headers FROM saga WHERE saga_id = $1';
  return eventually(async () => {
    const [row] = await consumer.booted.database('checkout').query<Record<string, unknown>>(sql, [sagaId]);
    if (!row) throw new Error(`there is no saga ${sagaId}`);
    return row;
  });
}

const LINES = [
  { stockCode: 'S-lamp', quantity: '2' },
  { stockCode: 'S-box', quantity: '1' },
];
const money = (minorUnits: string) => ({ currencyCode: 'GBP', minorUnits });

describe('what checkout reads in the events of orders', () => {
  it('is, of an order that was placed, who pays how much and how, and what is to be reserved', async () => {
    const orderId = await placed();
    await deliver(orderId);
    expect(await saga(orderId)).toMatchObject({
      kind: 'place-order',
      order_id: orderId,
      input: { customerId, lines: LINES, total: money('300'), paymentMethodToken: 'tok_approved', delivered: false },
      cancellation: null,
      headers: { traceparent: expect.stringMatching(/^00-/), 'correlation-id': expect.any(String) },
    });
  });

  it('is, of an order to an address, that it has one, and not which', async () => {
    const orderId = await placed(ADDRESS);
    await deliver(orderId);
    const standing = await saga(orderId);
    expect(standing).toMatchObject({ input: { delivered: true } });
    expect(JSON.stringify(standing)).not.toContain(ADDRESS.postalCode);
  });

  it('is, of a cancellation, what there is to give back', async () => {
    const orderId = await placed();
    await buyer.cancelOrder({ orderId });
    await deliver(orderId);
    await eventually(async () => (await saga(orderId)).cancellation !== null);
    expect((await saga(orderId)).cancellation).toEqual({ lines: LINES, refund: money('300') });
  });

  it('is, of a return, its id, what comes back and how much is refunded', async () => {
    const orderId = await placed();
    await service.confirmOrder({ orderId });
    const head = { shipmentId: orderId, version: 2n, occurTime: undefined };
    await provider.publish(shipmentDispatched.create({ ...head, orderId, customerId, trackingCode: '' }));
    await provider.booted.settle(10_000);
    const lines = [{ productId: 'lamp', quantity: 1n }];
    const { return: made } = await buyer.returnItems({ idempotencyKey: randomUUID(), orderId, lines });
    await deliver(orderId);
    expect(await saga(made?.returnId ?? '')).toMatchObject({
      kind: 'return-items',
      order_id: orderId,
      input: { lines: [{ stockCode: 'S-lamp', quantity: '1' }], refund: money('100') },
    });
  });
});
