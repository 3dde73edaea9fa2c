import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { OrderStatus, OrdersServiceService, type WatchOrderResponse } from '@weft/gen/grpc/weft/orders/v1/orders';
import { startSystem } from '@weft/kit/module';
import { createClient, status } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { eventually, freePort } from '@weft/kit/testing';
import { orders } from '../src/module.ts';
import { type Customer, openShop, place, type Shop } from './fixture.ts';

const { ORDER_STATUS_CANCELLED, ORDER_STATUS_CANCELLING, ORDER_STATUS_COMPLETED } = OrderStatus;
const { ORDER_STATUS_CONFIRMED, ORDER_STATUS_PLACED } = OrderStatus;

let shop: Shop;
let product: string;
let buyer: Customer;
beforeAll(async () => {
  shop = await openShop();
  [product = ''] = shop.sells(100n);
  buyer = await shop.customer();
});
afterAll(() => shop.stop());

const placed = async () => (await place(buyer, [product, 2n])).orderId;

/** A watch under way; it has been answered once it is given. */
async function watch(orderId: string, resumeToken = '') {
  const cancelling = new AbortController();
  const changes = buyer.orders.watchOrder({ orderId, resumeToken }, { signal: cancelling.signal });
  const iterator = changes[Symbol.asyncIterator]();
  const seen: WatchOrderResponse[] = [];
  const next = async () => {
    const { done, value } = await iterator.next();
    if (!done) seen.push(value);
    return !done;
  };
  if (resumeToken === '') await next();
  return {
    seen,
    next,
    async toItsEnd() {
      while (await next());
      return seen.map((change) => [change.version, change.status]);
    },
    cancel: () => cancelling.abort(),
  };
}

/** Answers of WatchOrder that the server has ended, by their code. */
const ended = (code: string) =>
  shop.booted.logs.filter((line) => line.method === 'weft.orders.v1.OrdersService/WatchOrder' && line.code === code)
    .length;

describe('WatchOrder', () => {
  it('sends the status now and each change after it, and ends at an end state', async () => {
    const orderId = await placed();
    const watching = await watch(orderId);
    await buyer.orders.cancelOrder({ orderId });
    await watching.next();
    await shop.checkout.rejectOrder({ orderId, reason: 'CANCELLED', paymentDeclined: false });
    expect(await watching.toItsEnd()).toEqual([
      [1n, ORDER_STATUS_PLACED],
      [2n, ORDER_STATUS_CANCELLING],
      [3n, ORDER_STATUS_CANCELLED],
    ]);
    expect(watching.seen.map(({ reason }) => reason)).toEqual(['', 'CANCELLED', 'CANCELLED']);
    expect(watching.seen.every((change) => change.orderId === orderId && change.changeTime !== undefined)).toBe(true);
  });

  it('of an order that has ended sends its status and ends', async () => {
    const orderId = await placed();
    await shop.checkout.confirmOrder({ orderId });
    await shop.dispatch(orderId);
    expect(await (await watch(orderId)).toItsEnd()).toEqual([[3n, ORDER_STATUS_COMPLETED]]);
  });

  it('goes on while a return is under way', async () => {
    const orderId = await placed();
    await shop.checkout.confirmOrder({ orderId });
    await shop.dispatch(orderId);
    const { return: made } = await buyer.orders.returnItems({
      idempotencyKey: 'one',
      orderId,
      lines: [{ productId: product, quantity: 1n }],
    });
    const watching = await watch(orderId);
    await shop.checkout.settleReturn({ orderId, returnId: made?.returnId ?? '' });
    expect((await watching.toItsEnd()).map(([version]) => version)).toEqual([4n, 5n]);
  });

  it('is the same for everyone who watches, in whatever spelling of the id', async () => {
    const orderId = await placed();
    const watches = [await watch(orderId), await watch(orderId), await watch(orderId.toUpperCase())];
    await shop.checkout.confirmOrder({ orderId });
    await shop.dispatch(orderId);
    for (const watching of watches) {
      expect(await watching.toItsEnd()).toEqual([
        [1n, ORDER_STATUS_PLACED],
        [2n, ORDER_STATUS_CONFIRMED],
        [3n, ORDER_STATUS_COMPLETED],
      ]);
    }
  });

  it('resumes after the last change seen, and ends at once when there is nothing left to see', async () => {
    const orderId = await placed();
    const { seen, cancel } = await watch(orderId);
    cancel();
    await buyer.orders.cancelOrder({ orderId });
    const resumed = await watch(orderId, seen[0]?.resumeToken);
    await resumed.next();
    await shop.checkout.confirmCancellation({ orderId });
    expect((await resumed.toItsEnd()).map(([version]) => version)).toEqual([2n, 3n]);
    expect(await (await watch(orderId, resumed.seen.at(-1)?.resumeToken)).toItsEnd()).toEqual([]);
  });

  it('hears of changes that another process has made', async () => {
    const orderId = await placed();
    const watching = await watch(orderId);
    const port = await freePort();
    const other = await startSystem(
      [orders],
      {
        LOG_LEVEL: 'silent',
        OPS_PORT: '0',
        GRPC_PORT: String(port),
        DATABASE_URL: shop.booted.database('orders').url,
        BUS_DATABASE_URL: shop.booted.bus.url,
        IDENTITY_JWKS_URL: 'http://127.0.0.1:9/jwks.json',
        CATALOG_TARGET: shop.catalog.target,
      },
      { log: () => undefined },
    );
    const client = createClient(OrdersServiceService, OrdersService, {
      target: `127.0.0.1:${port}`,
      caller: 'checkout',
      tracing: createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' }),
      retries: false,
    });
    await client.rejectOrder({ orderId, reason: 'OUT_OF_STOCK', paymentDeclined: false });
    expect((await watching.toItsEnd()).map(([version]) => version)).toEqual([1n, 2n]);
    client.close();
    await other.stop();
  });

  it('stops when its caller goes away', async () => {
    const orderId = await placed();
    const before = ended('CANCELLED');
    const watching = await watch(orderId);
    watching.cancel();
    expect(await watching.toItsEnd()).toHaveLength(1);
    await eventually(() => ended('CANCELLED') > before);
  });

  it('ends well when the server drains, and is resumed on the next one', async () => {
    const orderId = await placed();
    const watching = await watch(orderId);
    await Promise.all([watching.toItsEnd(), shop.booted.restart()]);
    await eventually(() => shop.checkout.confirmOrder({ orderId }));
    await shop.dispatch(orderId);
    const resumed = await watch(orderId, watching.seen.at(-1)?.resumeToken);
    expect((await resumed.toItsEnd()).map(([version]) => version)).toEqual([2n, 3n]);
  });

  it.each(['x', '-1', '1 OR true', '1'.repeat(30)])('refuses the resume token %p', async (resumeToken) => {
    const orderId = await placed();
    await expect((await watch(orderId, resumeToken)).next()).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      violations: [expect.objectContaining({ field: 'resume_token' })],
    });
  });
});
