import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { encodePageToken } from '@weft/kit/paging';
import { status } from '@weft/kit/rpc';
import { type Customer, failure, openShop, place, type Shop } from './fixture.ts';

const { INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED } = status;

let shop: Shop;
let product: string;
beforeAll(async () => {
  shop = await openShop();
  [product = ''] = shop.sells(100n);
});
afterAll(() => shop.stop());

const everything = { customerId: '', status: 0, pageSize: 0, pageToken: '' } as const;

async function buyerOf(count: number): Promise<{ buyer: Customer; orderIds: string[] }> {
  const buyer = await shop.customer();
  const orderIds: string[] = [];
  for (let nth = 0; nth < count; nth++) orderIds.push((await place(buyer, [product, 1n])).orderId);
  return { buyer, orderIds };
}

describe('GetOrder', () => {
  it('is for the customer and for staff; to others the order is not there', async () => {
    const { buyer, orderIds } = await buyerOf(1);
    const [orderId = ''] = orderIds;
    for (const { orders } of [buyer, await shop.user('support'), await shop.user('admin')]) {
      expect((await orders.getOrder({ orderId })).order?.orderId).toBe(orderId);
    }
    const notFound = failure(NOT_FOUND, 'ORDER_NOT_FOUND');
    const stranger = await shop.customer();
    for (const call of [
      stranger.orders.getOrder({ orderId }),
      stranger.orders.cancelOrder({ orderId }),
      stranger.orders.returnItems({ idempotencyKey: 'k', orderId, lines: [{ productId: product, quantity: 1n }] }),
      stranger.orders.watchOrder({ orderId, resumeToken: '' })[Symbol.asyncIterator]().next(),
      buyer.orders.getOrder({ orderId: randomUUID() }),
    ]) {
      await expect(call).rejects.toEqual(notFound);
    }
    await expect((await shop.as({})).getOrder({ orderId })).rejects.toEqual(failure(UNAUTHENTICATED, 'TOKEN_REQUIRED'));
    await expect((await shop.as({ caller: 'checkout' })).getOrder({ orderId })).rejects.toEqual(
      failure(UNAUTHENTICATED, 'TOKEN_REQUIRED'),
    );
  });

  it('shows the order as it was at one moment, however much it changes meanwhile', async () => {
    const buyer = await shop.customer();
    const { orderId } = await place(buyer, [product, 1000n]);
    await shop.checkout.confirmOrder({ orderId });
    await shop.dispatch(orderId);
    const lines = [{ productId: product, quantity: 1n }];
    let changing = true;
    const change = async () => {
      for (let nth = 0; nth < 40; nth++) {
        const { return: made } = await buyer.orders.returnItems({ idempotencyKey: randomUUID(), orderId, lines });
        await shop.checkout.settleReturn({ orderId, returnId: made?.returnId ?? '' });
      }
      changing = false;
    };
    const read = async () => {
      while (changing) {
        const { order } = await buyer.orders.getOrder({ orderId });
        const settled = order?.returns.filter(({ settleTime }) => settleTime !== undefined) ?? [];
        expect(order?.refunded?.minorUnits).toBe(100n * BigInt(settled.length));
        expect(order?.lines[0]?.returnedQuantity).toBe(BigInt(order?.returns.length ?? 0));
        expect(order?.version).toBe(3n + BigInt(settled.length + (order?.returns.length ?? 0)));
      }
    };
    await Promise.all([change(), read(), read()]);
  });
});

describe('ListOrders', () => {
  it('gives pages, newest first and without lines, each order once', async () => {
    const { buyer, orderIds } = await buyerOf(5);
    const pages: string[][] = [];
    let pageToken = '';
    do {
      const page = await buyer.orders.listOrders({ ...everything, pageSize: 2, pageToken });
      pages.push(page.orders.map(({ orderId }) => orderId));
      expect(page.orders.flatMap(({ lines }) => lines)).toEqual([]);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(orderIds.toReversed());
    const whole = await buyer.orders.listOrders({ ...everything, pageSize: 5 });
    expect(whole.nextPageToken).toBe('');
    expect(whole.orders).toHaveLength(5);
  });

  it('gives 50 orders a page unless asked otherwise', async () => {
    const { buyer } = await buyerOf(51);
    const page = await buyer.orders.listOrders(everything);
    expect(page.orders).toHaveLength(50);
    expect((await buyer.orders.listOrders({ ...everything, pageToken: page.nextPageToken })).orders).toHaveLength(1);
  });

  it('gives only those of a status', async () => {
    const { buyer, orderIds } = await buyerOf(3);
    const [first = '', second = ''] = orderIds;
    await shop.checkout.confirmOrder({ orderId: first });
    await buyer.orders.cancelOrder({ orderId: second });
    const of = async (wanted: OrderStatus) => {
      const { orders } = await buyer.orders.listOrders({ ...everything, status: wanted });
      return orders.map(({ orderId }) => orderId);
    };
    expect(await of(OrderStatus.ORDER_STATUS_CONFIRMED)).toEqual([first]);
    expect(await of(OrderStatus.ORDER_STATUS_CANCELLING)).toEqual([second]);
    expect(await of(OrderStatus.ORDER_STATUS_REJECTED)).toEqual([]);
  });

  it('shows customers their own, and staff those of one customer or of all', async () => {
    const { buyer, orderIds } = await buyerOf(1);
    const other = await buyerOf(1);
    expect((await buyer.orders.listOrders({ ...everything, customerId: buyer.id.toUpperCase() })).orders).toHaveLength(
      1,
    );
    await expect(buyer.orders.listOrders({ ...everything, customerId: other.buyer.id })).rejects.toEqual(
      failure(PERMISSION_DENIED, 'NOT_YOURS'),
    );
    const staff = await shop.user('support');
    const ofBuyer = await staff.orders.listOrders({ ...everything, customerId: buyer.id });
    expect(ofBuyer.orders.map(({ orderId }) => orderId)).toEqual(orderIds);
    const newest = await staff.orders.listOrders({ ...everything, pageSize: 2 });
    expect(newest.orders.map(({ orderId }) => orderId)).toEqual([...other.orderIds, ...orderIds]);
  });

  it.each([
    ['no token at all', 'garbage'],
    ['nothing in it', encodePageToken([])],
    ['an id that is none', encodePageToken(['x'])],
    ['two ids', encodePageToken([randomUUID(), randomUUID()])],
    ['a NUL', encodePageToken(['\0'])],
    ['an id and more', encodePageToken([`${randomUUID()} OR true`])],
  ])('refuses a page token with %s', async (_, pageToken) => {
    const buyer = await shop.customer();
    await expect(buyer.orders.listOrders({ ...everything, pageToken })).rejects.toMatchObject({
      code: INVALID_ARGUMENT,
      violations: [expect.objectContaining({ field: 'page_token' })],
    });
  });
});
