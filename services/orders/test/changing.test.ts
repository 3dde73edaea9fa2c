import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus, ReturnStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { status } from '@weft/kit/rpc';
import { type Customer, failure, GBP, openShop, place, type Shop } from './fixture.ts';

const { ALREADY_EXISTS, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED } = status;
const { ORDER_STATUS_CANCELLED, ORDER_STATUS_CANCELLING, ORDER_STATUS_COMPLETED } = OrderStatus;
const { ORDER_STATUS_CONFIRMED, ORDER_STATUS_REJECTED } = OrderStatus;

let shop: Shop;
let lamp: string;
let box: string;
let buyer: Customer;
beforeAll(async () => {
  shop = await openShop();
  [lamp = '', box = ''] = shop.sells(250n, 100n);
  buyer = await shop.customer();
});
afterAll(() => shop.stop());

const placed = async () => (await place(buyer, [lamp, 2n], [box, 3n])).orderId;
const confirmed = async () => {
  const orderId = await placed();
  await shop.checkout.confirmOrder({ orderId });
  return orderId;
};
const completed = async () => {
  const orderId = await confirmed();
  await shop.dispatch(orderId);
  return orderId;
};
const back = (orderId: string, productId: string, quantity: bigint) => ({
  idempotencyKey: randomUUID(),
  orderId,
  lines: [{ productId, quantity }],
});

/** What happened to an order, by name and version. */
const story = async (orderId: string) =>
  (await shop.events(orderId)).map(({ type, version }) => `${version} ${String(type).replace('order_', '')}`);

describe('checkout ends an order', () => {
  it('well, once', async () => {
    const orderId = await placed();
    for (let time = 0; time < 2; time++) {
      const { order } = await shop.checkout.confirmOrder({ orderId });
      expect(order).toMatchObject({ status: ORDER_STATUS_CONFIRMED, version: 2n, reason: '' });
    }
    expect(await story(orderId)).toEqual(['1 placed', '2 confirmed']);
    await expect(shop.checkout.rejectOrder({ orderId, reason: 'LATE', paymentDeclined: false })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'ILLEGAL_MOVE', { from: 'confirmed', to: 'rejected' }),
    );
  });

  it('as it is by then, whoever changed it meanwhile', async () => {
    const orderId = await placed();
    // What another replica would do.
    await shop.booted
      .database('orders')
      .query("UPDATE orders SET status = 'cancelling', version = version + 1 WHERE order_id = $1", [orderId]);
    const { order } = await shop.checkout.confirmOrder({ orderId });
    expect(order).toMatchObject({ status: ORDER_STATUS_CANCELLING, version: 2n });
    expect(await story(orderId)).toEqual(['1 placed']);
  });

  it('badly, once, with its reason', async () => {
    const orderId = await placed();
    for (const reason of ['OUT_OF_STOCK', 'SOMETHING_ELSE']) {
      const { order } = await shop.checkout.rejectOrder({ orderId, reason, paymentDeclined: false });
      expect(order).toMatchObject({ status: ORDER_STATUS_REJECTED, version: 2n, reason: 'OUT_OF_STOCK' });
    }
    expect(await shop.events(orderId)).toMatchObject([{ version: 1n }, { version: 2n, reason: 'OUT_OF_STOCK' }]);
    await expect(shop.checkout.confirmOrder({ orderId })).rejects.toEqual(failure(FAILED_PRECONDITION, 'ILLEGAL_MOVE'));
    await expect(buyer.orders.cancelOrder({ orderId })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'ORDER_REJECTED', { order_reason: 'OUT_OF_STOCK' }),
    );
  });

  it('and nobody else does', async () => {
    const orderId = await placed();
    const returnId = randomUUID();
    for (const stranger of [buyer.orders, (await shop.user('admin')).orders, await shop.as({ caller: 'payments' })]) {
      for (const call of [
        stranger.confirmOrder({ orderId }),
        stranger.rejectOrder({ orderId, reason: 'NO', paymentDeclined: false }),
        stranger.confirmCancellation({ orderId }),
        stranger.settleReturn({ orderId, returnId }),
      ]) {
        await expect(call).rejects.toEqual(failure(PERMISSION_DENIED, 'NOT_ALLOWED'));
      }
    }
    const unknown = { orderId: randomUUID() };
    await expect(shop.checkout.confirmOrder(unknown)).rejects.toEqual(failure(NOT_FOUND, 'ORDER_NOT_FOUND'));
    await expect(
      shop.checkout.rejectOrder({ orderId, reason: 'not a reason', paymentDeclined: false }),
    ).rejects.toMatchObject({
      code: INVALID_ARGUMENT,
      violations: [expect.objectContaining({ field: 'reason' })],
    });
  });
});

describe('the dispatch of its shipment', () => {
  it('completes an order, once', async () => {
    const orderId = await confirmed();
    for (let time = 0; time < 2; time++) {
      expect(await shop.dispatch(orderId)).toMatchObject({ status: ORDER_STATUS_COMPLETED, version: 3n, reason: '' });
    }
    expect(await story(orderId)).toEqual(['1 placed', '2 confirmed', '3 completed']);
    await expect(buyer.orders.cancelOrder({ orderId })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'ORDER_COMPLETED'),
    );
  });

  it('completes also an order whose cancellation came too late', async () => {
    const orderId = await confirmed();
    await buyer.orders.cancelOrder({ orderId });
    expect(await shop.dispatch(orderId)).toMatchObject({
      status: ORDER_STATUS_COMPLETED,
      reason: '',
      refunded: GBP(0n),
    });
    expect(await story(orderId)).toEqual(['1 placed', '2 confirmed', '3 cancellation_requested', '4 completed']);
  });
});

describe('CancelOrder', () => {
  it('answers CANCELLING at once, however often, and asks for what undoing takes', async () => {
    const orderId = await placed();
    const answers = await Promise.all(Array.from({ length: 5 }, () => buyer.orders.cancelOrder({ orderId })));
    for (const { order } of answers) {
      expect(order).toMatchObject({ status: ORDER_STATUS_CANCELLING, reason: 'CANCELLED', version: 2n });
    }
    expect(await shop.events(orderId)).toMatchObject([
      { type: 'order_placed' },
      {
        type: 'order_cancellation_requested',
        version: 2n,
        lines: [
          { productId: lamp, stockCode: `S-${lamp}`, quantity: 2n },
          { productId: box, stockCode: `S-${box}`, quantity: 3n },
        ],
        refund: GBP(800n),
      },
    ]);
  });

  it('ends CANCELLED without a refund where nothing was paid', async () => {
    const orderId = await placed();
    await buyer.orders.cancelOrder({ orderId });
    for (let time = 0; time < 2; time++) {
      const { order } = await shop.checkout.rejectOrder({ orderId, reason: 'CANCELLED', paymentDeclined: false });
      expect(order).toMatchObject({ status: ORDER_STATUS_CANCELLED, refunded: GBP(0n), version: 3n });
    }
    expect(await story(orderId)).toEqual(['1 placed', '2 cancellation_requested', '3 cancelled']);
  });

  it('ends CANCELLED with all of it refunded where it was paid before', async () => {
    const orderId = await placed();
    await buyer.orders.cancelOrder({ orderId });
    expect((await shop.checkout.confirmOrder({ orderId })).order?.status).toBe(ORDER_STATUS_CANCELLING);
    for (let time = 0; time < 2; time++) {
      const { order } = await shop.checkout.confirmCancellation({ orderId });
      expect(order).toMatchObject({ status: ORDER_STATUS_CANCELLED, refunded: GBP(800n), version: 3n });
    }
    expect((await buyer.orders.cancelOrder({ orderId })).order?.status).toBe(ORDER_STATUS_CANCELLED);
    expect(await story(orderId)).toEqual(['1 placed', '2 cancellation_requested', '3 cancelled']);
  });

  it('is open to staff', async () => {
    const orderId = await confirmed();
    const staff = await shop.user('support');
    expect((await staff.orders.cancelOrder({ orderId })).order?.status).toBe(ORDER_STATUS_CANCELLING);
  });
});

describe('ReturnItems', () => {
  it('accepts pieces of an order that has left, once a key, and refunds them when they are settled', async () => {
    const orderId = await completed();
    const request = back(orderId, lamp, 1n);
    const answers = await Promise.all(Array.from({ length: 5 }, () => buyer.orders.returnItems(request)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const { return: made, order } = answers[0] as (typeof answers)[number];
    expect(made).toMatchObject({
      status: ReturnStatus.RETURN_STATUS_REQUESTED,
      refund: GBP(250n),
      settleTime: undefined,
    });
    expect(order).toMatchObject({ version: 4n, refunded: GBP(0n), returns: [made] });
    expect(order?.lines.map(({ returnedQuantity }) => returnedQuantity)).toEqual([1n, 0n]);
    const returnId = made?.returnId ?? '';
    for (const id of [returnId, returnId.toUpperCase()]) {
      const { order: settled } = await shop.checkout.settleReturn({ orderId: orderId.toUpperCase(), returnId: id });
      expect(settled).toMatchObject({ version: 5n, refunded: GBP(250n), status: ORDER_STATUS_COMPLETED });
      expect(settled?.returns).toMatchObject([{ returnId, status: ReturnStatus.RETURN_STATUS_SETTLED }]);
    }
    expect(await shop.events(orderId)).toMatchObject([
      { type: 'order_placed' },
      { type: 'order_confirmed' },
      { type: 'order_completed' },
      {
        type: 'return_requested',
        returnId,
        lines: [{ productId: lamp, stockCode: `S-${lamp}`, quantity: 1n }],
        refund: GBP(250n),
      },
      { type: 'return_settled', version: 5n, returnId, refund: GBP(250n) },
    ]);
  });

  it('never accepts more than was ordered, however many ask at the same time', async () => {
    const orderId = await completed();
    const asked = await Promise.allSettled(
      Array.from({ length: 6 }, () => buyer.orders.returnItems(back(orderId, box, 1n))),
    );
    const refused = asked.filter((one) => one.status === 'rejected').map(({ reason }) => reason);
    expect(refused).toHaveLength(3);
    for (const reason of refused) {
      expect(reason).toEqual(failure(FAILED_PRECONDITION, 'NOT_RETURNABLE', { product_id: box, returnable: '0' }));
    }
    await expect(buyer.orders.returnItems(back(orderId, 'not-ordered', 1n))).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'NOT_RETURNABLE'),
    );
    const { order } = await buyer.orders.getOrder({ orderId });
    expect(order?.returns).toHaveLength(3);
  });

  it('is refused before the order has left, and with a key of another request', async () => {
    const orderId = await placed();
    const request = back(orderId, lamp, 1n);
    const refused = (order_status: string) => failure(FAILED_PRECONDITION, 'ORDER_NOT_COMPLETED', { order_status });
    await expect(buyer.orders.returnItems(request)).rejects.toEqual(refused('placed'));
    await shop.checkout.confirmOrder({ orderId });
    await expect(buyer.orders.returnItems(request)).rejects.toEqual(refused('confirmed'));
    await shop.dispatch(orderId);
    await buyer.orders.returnItems(request);
    await expect(buyer.orders.returnItems({ ...request, lines: [{ productId: lamp, quantity: 2n }] })).rejects.toEqual(
      failure(ALREADY_EXISTS, 'IDEMPOTENCY_KEY_REUSED'),
    );
    await expect(shop.checkout.settleReturn({ orderId, returnId: randomUUID() })).rejects.toEqual(
      failure(NOT_FOUND, 'RETURN_NOT_FOUND'),
    );
  });
});
