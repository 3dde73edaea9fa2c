import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus, PaymentStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { status } from '@weft/kit/rpc';
import { type Customer, failure, openShop, place, type Shop } from './fixture.ts';

let shop: Shop;
let lamp: string;
let buyer: Customer;
beforeAll(async () => {
  shop = await openShop();
  [lamp = ''] = shop.sells(250n);
  buyer = await shop.customer();
});
afterAll(() => shop.stop());

async function returnedInPart(): Promise<string> {
  const { orderId } = await place(buyer, [lamp, 3n]);
  await shop.checkout.confirmOrder({ orderId });
  await shop.dispatch(orderId);
  const lines = [{ productId: lamp, quantity: 1n }];
  const { return: asked } = await buyer.orders.returnItems({ idempotencyKey: randomUUID(), orderId, lines });
  await shop.checkout.settleReturn({ orderId, returnId: asked?.returnId ?? '' });
  return orderId;
}

const eventsOf = async (orderId: string) =>
  (await buyer.orders.listOrderEvents({ orderId, pageSize: 0, pageToken: '' })).events;

describe('the history of an order', () => {
  it('has each of its events once: as the bus names it, of the same request, with how the order stood after it', async () => {
    const orderId = await returnedInPart();
    const events = await eventsOf(orderId);
    await shop.booted.settle(10_000);
    const published = await shop.booted.bus.query<{ type: string; correlation: string }>(
      "SELECT type, headers->>'correlation-id' AS correlation FROM bus.message WHERE key = $1 ORDER BY seq",
      [orderId],
    );
    const ours = published.filter(({ type }) => type.startsWith('weft.orders.'));
    expect(events.map(({ type, correlationId }) => ({ type, correlation: correlationId }))).toEqual(ours);
    expect(new Set(events.map(({ correlationId }) => correlationId)).size).toBe(5);
    expect(events.map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n, 5n]);
    const { ORDER_STATUS_PLACED, ORDER_STATUS_CONFIRMED, ORDER_STATUS_COMPLETED: COMPLETED } = OrderStatus;
    const { PAYMENT_STATUS_PENDING, PAYMENT_STATUS_CAPTURED: CAPTURED } = PaymentStatus;
    expect(events.map((event) => [event.status, event.paymentStatus])).toEqual([
      [ORDER_STATUS_PLACED, PAYMENT_STATUS_PENDING],
      [ORDER_STATUS_CONFIRMED, CAPTURED],
      [COMPLETED, CAPTURED],
      [COMPLETED, CAPTURED],
      [COMPLETED, PaymentStatus.PAYMENT_STATUS_PARTIALLY_REFUNDED],
    ]);
    const { order } = await buyer.orders.getOrder({ orderId });
    expect(events[0]?.occurTime).toEqual(order?.createTime);
    expect(events.at(-1)?.occurTime).toEqual(order?.updateTime);
  });

  it('is read in pages, by the customer and by staff; to others the order is not there', async () => {
    const orderId = await returnedInPart();
    const all = await eventsOf(orderId);
    const paged: unknown[] = [];
    for (let pageToken = ''; ; ) {
      const page = await buyer.orders.listOrderEvents({ orderId, pageSize: 2, pageToken });
      paged.push(...page.events);
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    expect(paged).toEqual(all);
    const request = { orderId, pageSize: 0, pageToken: '' };
    expect((await (await shop.user('support')).orders.listOrderEvents(request)).events).toEqual(all);
    const notFound = failure(status.NOT_FOUND, 'ORDER_NOT_FOUND');
    await expect((await shop.customer()).orders.listOrderEvents(request)).rejects.toEqual(notFound);
    await expect(buyer.orders.listOrderEvents({ ...request, orderId: randomUUID() })).rejects.toEqual(notFound);
    await expect(buyer.orders.listOrderEvents({ ...request, pageToken: 'x' })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  it.each([
    ['changed', "UPDATE order_events SET reason = 'X'"],
    ['deleted', 'DELETE FROM order_events'],
    ['emptied', 'TRUNCATE order_events'],
  ])('is never %s', async (_, statement) => {
    await place(buyer, [lamp, 1n]);
    await expect(shop.booted.database('orders').query(statement)).rejects.toThrow('order_events only grows');
  });
});
