import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RebuildOrdersResponse } from '@weft/gen/grpc/weft/orders/v1/orders';
import { status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { type Customer, failure, openShop, orderOf, place, type Shop } from './fixture.ts';

let shop: Shop;
let lamp: string;
let box: string;
let buyer: Customer;
let admin: Customer;
beforeAll(async () => {
  shop = await openShop();
  [lamp = '', box = ''] = shop.sells(250n, 100n);
  buyer = await shop.customer();
  admin = await shop.user('admin');
});
afterAll(() => shop.stop());

const TABLES = ['orders', 'order_line', 'order_return'] as const;
const query = (text: string, values?: unknown[]) => shop.booted.database('orders').query(text, values);
/** All rows of all orders, or of some. */
const dump = async (orderIds?: unknown[]) => {
  const which = orderIds ? 'WHERE order_id = ANY ($1)' : '';
  const values = orderIds && [orderIds];
  const rows = TABLES.map((table) => query(`SELECT * FROM ${table} ${which} ORDER BY 1, 2`, values));
  return JSON.stringify(await Promise.all(rows));
};

async function rebuild(afterOrderId = ''): Promise<RebuildOrdersResponse[]> {
  const sent: RebuildOrdersResponse[] = [];
  for await (const one of admin.orders.rebuildOrders({ afterOrderId })) sent.push(one);
  return sent;
}
const sum = (sent: readonly RebuildOrdersResponse[]) => ({
  orders: sent.reduce((count, { orderCount }) => count + orderCount, 0n),
  restored: sent.reduce((count, { restoredCount }) => count + restoredCount, 0n),
  different: sent.flatMap(({ differentOrderIds }) => differentOrderIds),
  done: sent.at(-1)?.done,
});

const back = (orderId: string, productId: string, quantity = 1n) => {
  const lines = [{ productId, quantity }];
  return buyer.orders.returnItems({ idempotencyKey: randomUUID(), orderId, lines });
};
async function completed(): Promise<string> {
  const { orderId } = await place(buyer, [lamp, 5n], [box, 5n]);
  await shop.checkout.confirmOrder({ orderId });
  await shop.dispatch(orderId);
  return orderId;
}
/** An order of each kind that there may be. */
async function fill(): Promise<void> {
  await place(buyer, [lamp, 1n], [box, 2n]);
  const rejected = await place(buyer, [lamp, 1n]);
  await shop.checkout.rejectOrder({ orderId: rejected.orderId, reason: 'CARD_DECLINED', paymentDeclined: true });
  const { orderId } = await place(buyer, [box, 3n]);
  await buyer.orders.cancelOrder({ orderId });
  await shop.checkout.confirmCancellation({ orderId });
  const returning = await completed();
  const { return: first } = await back(returning, lamp, 2n);
  await back(returning, box);
  await shop.checkout.settleReturn({ orderId: returning, returnId: first?.returnId ?? '' });
}

afterEach(async () => {
  expect(sum(await rebuild())).toMatchObject({ restored: 0n, different: [], done: true });
});

describe('rebuilding orders', () => {
  it('finds them as they are, and writes nothing', async () => {
    await fill();
    const before = await query('SELECT order_id, xmin FROM orders ORDER BY 1');
    expect(sum(await rebuild())).toEqual({ orders: BigInt(before.length), restored: 0n, different: [], done: true });
    expect(await query('SELECT order_id, xmin FROM orders ORDER BY 1')).toEqual(before);
  });

  it('brings all rows back from nothing, the same as before, while orders are placed', async () => {
    for (let time = 0; time < 3; time++) await fill();
    for (let time = 0; time < 25; time++) await Promise.all(Array.from({ length: 9 }, () => place(buyer, [lamp, 1n])));
    const before = await dump();
    const orderIds = (await query('SELECT order_id FROM orders')).map((row) => row.order_id);
    await query('TRUNCATE order_line, order_return, orders');
    let placing = true;
    const placed: string[] = [];
    const others = await shop.customer();
    const placer = (async () => {
      while (placing) placed.push((await place(others, [box, 1n])).orderId);
    })();
    const sent = await rebuild();
    placing = false;
    await placer;
    expect(sum(sent)).toMatchObject({ restored: BigInt(orderIds.length), different: [], done: true });
    expect(sent.length).toBeGreaterThan(3);
    expect(placed.length).toBeGreaterThan(0);
    expect(await dump(orderIds)).toEqual(before);
  });

  it.each<[string, string]>([
    ['another status', "UPDATE orders SET status = 'placed', reason = 'X' WHERE order_id = $1"],
    ['an older version', 'UPDATE orders SET version = version - 1 WHERE order_id = $1'],
    ['other money', "UPDATE orders SET refunded = 1, payment = 'voided' WHERE order_id = $1"],
    ['fewer lines', 'DELETE FROM order_line WHERE order_id = $1 AND position = 2'],
    ['another line', "INSERT INTO order_line VALUES ($1, 3, 'p', 's', 't', 1, 1, 0)"],
    ['another price', 'UPDATE order_line SET unit_price = 1 WHERE order_id = $1'],
    ['no returns', 'DELETE FROM order_return WHERE order_id = $1'],
    [
      'a return too many',
      "INSERT INTO order_return VALUES (gen_random_uuid(), $1, 'requested', '{p}', '{1}', 1, now())",
    ],
    ['a return not settled', "UPDATE order_return SET status = 'requested', settled_at = NULL WHERE order_id = $1"],
  ])('puts an order right that has %s', async (_, damage) => {
    const orderId = await completed();
    const { return: one } = await back(orderId, lamp, 2n);
    await shop.checkout.settleReturn({ orderId, returnId: one?.returnId ?? '' });
    const before = await dump();
    await query(damage, [orderId]);
    expect(await dump()).not.toEqual(before);
    expect(sum(await rebuild())).toMatchObject({ restored: 1n, different: [] });
    expect(await dump()).toEqual(before);
  });

  it('takes away rows of an order that never was', async () => {
    const before = await dump();
    await query(
      "INSERT INTO orders VALUES ($1, $1, 'completed', '', 'GBP', 1, 0, 3, now(), now(), 'pick-up', 'captured')",
      [randomUUID()],
    );
    expect(sum(await rebuild())).toMatchObject({ restored: 1n, different: [] });
    expect(await dump()).toEqual(before);
  });

  it('loses nothing of what is written to the same orders meanwhile', async () => {
    const orderIds = await Promise.all(Array.from({ length: 25 }, completed));
    await query('DELETE FROM order_line WHERE order_id = ANY ($1)', [orderIds]);
    // Who comes before its lines are there again is refused, and asks once more.
    const restored = await Promise.all([
      rebuild(),
      ...orderIds.map((orderId) => eventually(() => back(orderId, lamp))),
      rebuild(),
      ...orderIds.map((orderId) => eventually(() => back(orderId, box, 2n))),
    ]);
    expect(restored).toHaveLength(52);
    expect(sum(await rebuild())).toMatchObject({ different: [] });
    for (const orderId of orderIds) {
      const { order } = await buyer.orders.getOrder({ orderId });
      expect(order?.lines.map(({ returnedQuantity }) => returnedQuantity)).toEqual([1n, 2n]);
      expect(order?.returns).toHaveLength(2);
    }
  });

  it('does not bring erased addresses back', async () => {
    const leaver = await shop.customer();
    const street = `Secret Street ${randomUUID()}`;
    const deliveryAddress = { recipient: 'A', street, city: 'C', postalCode: 'P', countryCode: 'GB' };
    const { order } = await leaver.orders.placeOrder({ ...orderOf([lamp, 1n]), deliveryAddress });
    await shop.erase(leaver.id);
    const orderId = order?.orderId ?? '';
    await query('DELETE FROM order_line WHERE order_id = $1', [orderId]);
    await query('DELETE FROM orders WHERE order_id = $1', [orderId]);
    expect(sum(await rebuild())).toMatchObject({ restored: 1n });
    const rebuilt = (await admin.orders.getOrder({ orderId })).order;
    expect(rebuilt).toEqual({ ...order, deliveryAddress: undefined });
  });

  it('goes on after an order, and is for administrators', async () => {
    const ids = (await query('SELECT order_id FROM orders ORDER BY 1')) as { order_id: string }[];
    const some = ids.at(-5)?.order_id ?? '';
    expect(sum(await rebuild(some))).toMatchObject({ orders: 4n, done: true });
    for (const { orders } of [buyer, await shop.user('support')]) {
      const stream = orders.rebuildOrders({ afterOrderId: '' })[Symbol.asyncIterator]().next();
      await expect(stream).rejects.toEqual(failure(status.PERMISSION_DENIED, 'NOT_ALLOWED'));
    }
  });
});

describe('an order whose history makes no sense', () => {
  it('is named, and left as it is', async () => {
    const { orderId } = await place(buyer, [lamp, 1n]);
    const before = await dump();
    await query(
      "INSERT INTO order_events (order_id, version, type, payload, status, reason, settled, occurred_at) VALUES ($1, 9, 'weft.orders.v1.order_confirmed', '{}', 'confirmed', '', false, now())",
      [orderId],
    );
    expect(sum(await rebuild())).toMatchObject({ restored: 0n, different: [orderId], done: true });
    expect(await dump()).toEqual(before);
    await query('ALTER TABLE order_events DISABLE TRIGGER USER');
    await query('DELETE FROM order_events WHERE order_id = $1 AND version = 9', [orderId]);
    await query('ALTER TABLE order_events ENABLE TRIGGER USER');
  });
});
