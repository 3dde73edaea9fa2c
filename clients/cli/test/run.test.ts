import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { RemoteError } from '@weft/kit/rpc';
import { planReplay } from '../src/replay/plan.ts';
import { runPlan } from '../src/replay/run.ts';
import type { Column } from '../src/shop/file.ts';
import type { Clients } from '../src/system/clients.ts';
import type { Session } from '../src/system/session.ts';
import { notFound } from './failures.ts';
import { shopFile } from './shop-lines.ts';

interface Request {
  readonly idempotencyKey: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: bigint }[];
}

/** An orders service that ends orders as it is told, and notes what it is asked, in order. */
function ordersService(behave: { refuse?: string; reject?: string; refuseReturns?: boolean; forever?: string } = {}) {
  const asked: string[] = [];
  const orders = {
    placeOrder: async ({ idempotencyKey, lines }: Request) => {
      asked.push(
        `place ${idempotencyKey}: ${lines.map(({ productId, quantity }) => `${quantity} ${productId}`).join(', ')}`,
      );
      const invoice = idempotencyKey.split(':')[1] ?? '';
      if (invoice === behave.refuse) throw notFound('PRODUCT_NOT_FOUND');
      return { order: { orderId: `order-${invoice}` } };
    },
    async *watchOrder({ orderId }: { orderId: string }, { signal }: { signal: AbortSignal }) {
      if (orderId === `order-${behave.forever}`) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return;
      }
      await new Promise((resolve) => setImmediate(resolve));
      asked.push(`ended ${orderId}`);
      const rejected = orderId === `order-${behave.reject}`;
      const state = rejected ? OrderStatus.ORDER_STATUS_REJECTED : OrderStatus.ORDER_STATUS_COMPLETED;
      yield { orderId, status: state, reason: '', version: 2n, changeTime: undefined, resumeToken: 'x' };
    },
    getOrder: async ({ orderId }: { orderId: string }) => {
      const state =
        orderId === `order-${behave.forever}` ? OrderStatus.ORDER_STATUS_PLACED : OrderStatus.ORDER_STATUS_COMPLETED;
      return { order: { orderId, status: state, reason: '', version: 2n, returns: [] } };
    },
    returnItems: async ({ idempotencyKey, lines }: Request) => {
      asked.push(
        `return ${idempotencyKey}: ${lines.map(({ productId, quantity }) => `${quantity} ${productId}`).join(', ')}`,
      );
      if (behave.refuseReturns) throw new RemoteError(status.FAILED_PRECONDITION, 'NOT_RETURNABLE', 'no');
      return { return: { returnId: `return-${asked.length}` } };
    },
  };
  return { orders: orders as unknown as Clients['orders'], asked };
}

const session: Session = { userId: '1', token: async () => 'token', drop: () => {}, call: (work) => work('token') };

async function run(
  lines: readonly Partial<Record<Column, string>>[],
  service: ReturnType<typeof ordersService>,
  concurrency = 8,
) {
  const plan = await planReplay(shopFile(lines));
  let done = 0;
  const result = await runPlan(plan, service.orders, new Map(['17850', '2'].map((customer) => [customer, session])), {
    runId: 'run',
    concurrency,
    paymentToken: 'tok_approved',
    patience: { limit: 5000, signal: new AbortController().signal },
    orderLimit: 200,
    onDone: () => {
      done += 1;
    },
  });
  return { ...result, done };
}

describe('a replay', () => {
  it('places an invoice as one order under a key of the run, and counts it when it has ended', async () => {
    const service = ordersService();
    const { placed, ended, done } = await run([{ quantity: '2' }, { code: '22960', quantity: '3' }], service);
    expect(service.asked[0]).toBe('place run:536365: 2 85123A-255, 3 22960-255');
    expect([placed.length, ended, done]).toEqual([1, 1, 1]);
  });

  it.each([1, 8])('returns goods only when the orders before have ended, %i at a time', async (concurrency) => {
    const service = ordersService();
    const lines = [
      { invoice: '1', quantity: '2' },
      { invoice: '2', quantity: '3' },
      { invoice: 'C3', quantity: '-4' },
      { invoice: '4', quantity: '9' },
      { invoice: 'C5', quantity: '-2' },
    ];
    const { returned, untaken } = await run(lines, service, concurrency);
    const place = (what: string) => service.asked.findIndex((one) => one.startsWith(what));
    expect(place('return run:C3')).toBeGreaterThan(Math.max(place('ended order-1'), place('ended order-2')));
    expect(returned.map(({ orderId, pieces, source }) => [source.invoice, orderId, pieces])).toEqual([
      ['C3', 'order-2', 3n],
      ['C3', 'order-1', 1n],
      ['C5', 'order-4', 2n],
    ]);
    expect(untaken).toEqual([]);
  });

  it('merges lines of a return that come from the same product of an order', async () => {
    const service = ordersService();
    await run(
      [
        { invoice: '1', quantity: '9' },
        { invoice: 'C2', quantity: '-2' },
        { invoice: 'C2', quantity: '-3' },
      ],
      service,
    );
    expect(service.asked).toContain('return run:C2:order-1: 5 85123A-255');
  });

  it('lists what comes back without an earlier sale, of another customer too', async () => {
    const lines = [
      { invoice: '1', quantity: '2' },
      { invoice: 'C2', quantity: '-5' },
      { invoice: 'C3', quantity: '-1', customer: '2' },
    ];
    const { untaken } = await run(lines, ordersService());
    expect(new Map(untaken.map(({ invoice, quantity, reason }) => [invoice, `${reason} ${quantity}`]))).toEqual(
      new Map([
        ['C3', 'NO_EARLIER_SALE -1'],
        ['C2', 'NO_EARLIER_SALE -3'],
      ]),
    );
  });

  it('takes nothing back from an order that was rejected', async () => {
    const { untaken, ended } = await run(
      [{ invoice: '1' }, { invoice: 'C2', quantity: '-1' }],
      ordersService({ reject: '1' }),
    );
    expect(untaken).toMatchObject([{ invoice: 'C2', reason: 'NO_EARLIER_SALE' }]);
    expect(ended).toBe(1);
  });

  it('lists the lines of an order that was refused, with the reason, and goes on', async () => {
    const { untaken, placed } = await run([{ invoice: '1' }, { invoice: '2' }], ordersService({ refuse: '1' }));
    expect(untaken).toMatchObject([{ line: 2, reason: 'ORDER_REFUSED', detail: 'PRODUCT_NOT_FOUND', quantity: 6n }]);
    expect(placed.map(({ orderId }) => orderId)).toEqual(['order-2']);
  });

  it('lists the lines of a return that was refused, with the reason', async () => {
    const service = ordersService({ refuseReturns: true });
    const { untaken, returned } = await run([{ invoice: '1' }, { invoice: 'C2', quantity: '-2' }], service);
    expect(untaken).toMatchObject([
      { invoice: 'C2', quantity: -2n, reason: 'RETURN_REFUSED', detail: 'NOT_RETURNABLE' },
    ]);
    expect(returned).toEqual([]);
  });

  it('leaves an order that never ends, and does not count it as ended', async () => {
    const { placed, ended, done } = await run([{ invoice: '1' }, { invoice: '2' }], ordersService({ forever: '1' }), 1);
    expect([placed.length, ended, done]).toEqual([2, 1, 2]);
  });

  it('stops with the error of the system when it is no answer to an order', async () => {
    const service = ordersService();
    const denied = new RemoteError(status.PERMISSION_DENIED, 'NOT_ALLOWED', 'not allowed');
    const broken = {
      ...service.orders,
      placeOrder: async () => Promise.reject(denied),
    } as unknown as Clients['orders'];
    await expect(run([{ invoice: '1' }, { invoice: '2' }], { ...service, orders: broken })).rejects.toBe(denied);
  });
});
