import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { contextFromHeaders, runInContext } from '@weft/kit/context';
import { newTrace } from '@weft/kit/telemetry';
import { addressIn, MODES, openShop, orderOf, type Shop } from './shop.ts';

/** Makes calls as a client that names its request. */
function asRequest<T>(correlationId: string, call: () => Promise<T>): Promise<T> {
  return runInContext(
    contextFromHeaders({ 'correlation-id': correlationId }, () => newTrace(false)),
    call,
  );
}

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop(mode, { SHIPPING_CARRIER_DELAY_MS: '300' });
  });
  afterAll(() => shop?.booted.stop());

  /** What the bus has of an order, its stock and its sagas: each type of event with the requests that led to it. */
  async function requestsOf(orderId: string, ...others: string[]): Promise<Record<string, (string | null)[]>> {
    await shop.booted.settle(20_000);
    const rows = await shop.booted.bus.query<{ type: string; request: string | null }>(
      "SELECT type, headers->>'correlation-id' AS request FROM bus.message WHERE key = ANY ($1) ORDER BY seq",
      [[orderId, ...others]],
    );
    return Object.fromEntries(
      Map.groupBy(rows, ({ type }) => type.replace(/weft\.(\w+)\.v1\./, '$1 '))
        .entries()
        .map(([type, events]) => [type, events.map(({ request }) => request)]),
    );
  }

  async function placed(token: string, postalCode?: string) {
    const buyer = await shop.customer();
    const productId = await shop.product({ stock: 5n });
    const request = `placing-${randomUUID()}`;
    const wanted = { ...orderOf(productId, 2n, token), deliveryAddress: addressIn(postalCode) };
    const { order } = await asRequest(request, () => buyer.orders.placeOrder(wanted));
    return { buyer, productId, request, orderId: order?.orderId ?? '' };
  }

  it('the request that places an order is named by every event up to the dispatch of its shipment', async () => {
    const { orderId, request } = await placed('tok_capture_timeout', 'SIM-DELAYED');
    await shop.reached(orderId, OrderStatus.ORDER_STATUS_COMPLETED);
    expect(await requestsOf(orderId)).toEqual({
      'orders order_placed': [request],
      'checkout saga_started': [request],
      'inventory stock_reserved': [request],
      'payments payment_authorized': [request],
      'shipping shipment_created': [request],
      'payments payment_captured': [request],
      'inventory stock_committed': [request],
      'orders order_confirmed': [request],
      'checkout saga_completed': [request],
      'shipping shipment_dispatched': [request],
      'orders order_completed': [request],
    });
  });

  it('it is named by every event that undoes the order', async () => {
    const { orderId, request } = await placed('tok_timeout_declined');
    await shop.ended(orderId);
    const requests = await requestsOf(orderId);
    expect(Object.keys(requests)).toEqual(
      expect.arrayContaining(['inventory stock_released', 'orders order_rejected', 'checkout saga_compensated']),
    );
    expect(new Set(Object.values(requests).flat())).toEqual(new Set([request]));
  });

  it('a return is named by its own request, and so is what follows from it', async () => {
    const { buyer, productId, orderId, request } = await placed('tok_approved');
    await shop.ended(orderId);
    const returning = `returning-${randomUUID()}`;
    const lines = [{ productId, quantity: 1n }];
    const { return: asked } = await asRequest(returning, () =>
      buyer.orders.returnItems({ idempotencyKey: randomUUID(), orderId, lines }),
    );
    await shop.ended(orderId);
    const requests = await requestsOf(orderId, asked?.returnId ?? '');
    expect(requests).toMatchObject({
      'orders return_requested': [returning],
      'payments payment_refunded': [returning],
      'orders return_settled': [returning],
      'checkout saga_started': [request, returning],
      'checkout saga_completed': [request, returning],
      'orders order_completed': [request],
    });
    const history = await buyer.orders.listOrderEvents({ orderId, pageSize: 0, pageToken: '' });
    expect(history.events.map(({ correlationId }) => correlationId)).toEqual([
      request,
      request,
      request,
      returning,
      returning,
    ]);
    const { sagas } = await shop.admin.checkout.listSagas({ orderId, state: 0, pageSize: 0, pageToken: '' });
    expect(new Set(sagas.map(({ correlationId }) => correlationId))).toEqual(new Set([request, returning]));
  });
});
