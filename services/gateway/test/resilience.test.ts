import { afterEach, describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { eventually } from '@weft/kit/testing';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, MALLORY, ORDER_ID, order, person, product, serveStubs } from './stubs.ts';

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.stop();
  edge = undefined;
});

describe('a service that is away', () => {
  it('is spared after five failures; what it said last stands in for it, with its age', async () => {
    let asked = 0;
    const handlers = {
      catalog: {
        getProduct: async () => {
          asked += 1;
          return { product: product() };
        },
        listProducts: async () => ({ products: [product()], nextPageToken: '' }),
      },
    };
    edge = await openEdge(handlers, { CLIENT_RETRIES: 'false', BREAKER_PAUSE_MS: '700' });
    expect((await edge.send('/api/v2/products')).json.products).toHaveLength(1);
    const port = edge.stubs.port('catalog');
    await edge.stubs.stop('catalog');
    const stale = await edge.send('/api/v2/products');
    expect([stale.status, stale.json.products.length]).toEqual([200, 1]);
    expect(Number(stale.headers.get('age'))).toBeGreaterThanOrEqual(0);
    expect(stale.headers.get('warning')).toBe('110 - "Response is Stale"');
    for (let n = 0; n < 5; n++) await edge.send('/api/v2/products:search?query=lamp');
    const open = await edge.send('/api/v2/products:search?query=lamp');
    expect([open.status, open.json.reason]).toEqual([503, 'CIRCUIT_OPEN']);
    expect(open.headers.get('retry-after')).toBe('1');
    expect((await edge.send('/api/v2/products')).headers.get('warning')).toContain('Stale');
    const back = await serveStubs(handlers, { catalog: port });
    try {
      await eventually(async () => (await (edge as Edge).send('/api/v2/products/lantern')).status === 200);
      expect(asked).toBe(1);
    } finally {
      await back.stop();
    }
  });

  it('is spared by streams as by calls, and streams that it refuses count as calls do', async () => {
    let asked = 0;
    edge = await openEdge(
      {
        orders: {
          // biome-ignore lint/correctness/useYield: it comes to none
          async *watchOrder() {
            asked += 1;
            throw new DomainError('unavailable', 'AWAY', 'away');
          },
          getOrder: async () => {
            asked += 1;
            return { order: order() };
          },
        },
      },
      { CLIENT_RETRIES: 'false' },
    );
    const as = await edge.token();
    const path = `/api/v2/orders/${ORDER_ID}`;
    for (let n = 0; n < 5; n++) {
      const { status, json } = await edge.send(`${path}:watch`, { as });
      expect([status, json.reason]).toEqual([503, 'AWAY']);
    }
    expect(asked).toBe(5);
    for (const way of [path, `${path}:watch`]) {
      const { status, json } = await edge.send(way, { as });
      expect([way, status, json.reason]).toEqual([way, 503, 'CIRCUIT_OPEN']);
    }
    expect(asked).toBe(5);
  });

  it('keeps nobody from the others while it hangs', async () => {
    edge = await openEdge(
      {
        orders: { listOrders: () => new Promise(() => {}) },
        catalog: { getProduct: async () => ({ product: product() }) },
      },
      { BULKHEAD_CALLS: '2', BULKHEAD_QUEUE: '1', RATE_LIMIT: '1000/60' },
    );
    const as = await edge.token();
    const hanging = Array.from({ length: 6 }, () => (edge as Edge).send('/api/v2/orders', { as }));
    const busy = await Promise.race(hanging);
    expect([busy.status, busy.json.reason]).toEqual([503, 'UPSTREAM_BUSY']);
    expect((await edge.send('/api/v2/products/lantern')).status).toBe(200);
    const statuses = (await Promise.all(hanging)).map((one) => one.status).sort();
    expect(statuses).toEqual([503, 503, 503, 504, 504, 504]);
  });
});

describe('copies', () => {
  it('are given without asking while they are fresh, asked for once by many, and kept apart by who asks', async () => {
    const asked: string[] = [];
    edge = await openEdge({
      catalog: {
        getProduct: async ({ productId }) => {
          asked.push(productId);
          if (productId === 'none') throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'no such product');
          return { product: product() };
        },
      },
      users: {
        getUser: async (_, { user }) => {
          asked.push(user?.id ?? '');
          if (user?.id !== ALICE) throw new DomainError('not-found', 'USER_NOT_FOUND', 'no such user');
          return { user: person() };
        },
      },
    });
    const get = (path: string, as?: string) => (edge as Edge).send(path, as === undefined ? {} : { as });
    // Once events are followed.
    await eventually(async () => {
      const before = asked.length;
      await get('/api/v2/products/warm');
      await get('/api/v2/products/warm');
      return asked.length === before;
    });
    asked.length = 0;
    await Promise.all(Array.from({ length: 10 }, () => get('/api/v2/products/lantern')));
    const copy = await get('/api/v2/products/lantern');
    expect([copy.status, copy.headers.get('age')]).toEqual([200, '0']);
    expect(asked).toEqual(['lantern']);
    for (let n = 0; n < 3; n++) expect((await get('/api/v2/products/none')).json.reason).toBe('PRODUCT_NOT_FOUND');
    expect(asked).toEqual(['lantern', 'none']);
    const [alice, mallory] = [await edge.token(), await edge.token(MALLORY)];
    expect((await get(`/api/v2/users/${ALICE}`, alice)).status).toBe(200);
    expect((await get(`/api/v2/users/${ALICE}`, mallory)).status).toBe(404);
    expect((await get(`/api/v2/users/${ALICE}`, alice)).status).toBe(200);
    expect(asked).toEqual(['lantern', 'none', ALICE, MALLORY]);
  });
});

describe('a call that many wait for', () => {
  it('lasts as long as its contract says, and each waits as long as it likes', async () => {
    const asked: string[] = [];
    const answer = Promise.withResolvers<void>();
    edge = await openEdge({
      catalog: {
        getProduct: async ({ productId }) => {
          asked.push(productId);
          await answer.promise;
          return { product: product() };
        },
      },
    });
    const hurried = edge.send('/weft.catalog.v1.CatalogService/GetProduct', {
      method: 'POST',
      headers: { 'connect-timeout-ms': '100', 'connect-protocol-version': '1' },
      body: JSON.stringify({ productId: 'lantern' }),
    });
    await eventually(() => asked.length === 1);
    const patient = edge.send('/api/v2/products/lantern');
    const { status: late, json } = await hurried;
    expect([late, json.code]).toEqual([504, 'deadline_exceeded']);
    answer.resolve();
    expect((await patient).status).toBe(200);
    expect(asked).toEqual(['lantern']);
  });
});

describe('an order with everything around it', () => {
  it('is served without the part that fails, which is named', async () => {
    edge = await openEdge({
      orders: { getOrder: async () => ({ order: order() }) },
      catalog: { getProduct: async () => ({ product: product() }) },
      payments: {
        getPayment: async () => {
          throw new DomainError('unavailable', 'BANK_AWAY', 'the bank is away');
        },
      },
      shipping: {
        getShipment: async () => {
          throw new DomainError('not-found', 'SHIPMENT_NOT_FOUND', 'there is none yet');
        },
      },
    });
    const answer = await edge.send(`/api/v2/orders/${ORDER_ID}?view=full`, { as: await edge.token() });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      order: { orderId: ORDER_ID },
      payment: null,
      shipment: null,
      products: [{ productId: 'lantern', title: 'Lantern' }],
      _degraded: [{ part: 'payment', status: 503, reason: 'BANK_AWAY' }],
    });
    for (const path of [
      `orders/${ORDER_ID}?view=none`,
      `orders/${ORDER_ID}?view=full&view=basic`,
      'orders?view=basic',
    ]) {
      const other = await edge.send(`/api/v2/${path}`, { as: await edge.token() });
      expect([path, other.status, other.json.errors[0].field]).toEqual([path, 400, 'view']);
    }
  });

  it('has its parts asked for at the same time', async () => {
    const begun = { payment: Promise.withResolvers<void>(), shipment: Promise.withResolvers<void>() };
    edge = await openEdge({
      orders: { getOrder: async () => ({ order: order() }) },
      catalog: { getProduct: async () => ({ product: product() }) },
      payments: {
        getPayment: async () => {
          begun.payment.resolve();
          await begun.shipment.promise;
          throw new DomainError('not-found', 'PAYMENT_NOT_FOUND', 'there is none yet');
        },
      },
      shipping: {
        getShipment: async () => {
          begun.shipment.resolve();
          await begun.payment.promise;
          throw new DomainError('not-found', 'SHIPMENT_NOT_FOUND', 'there is none yet');
        },
      },
    });
    const { status, json } = await edge.send(`/api/v2/orders/${ORDER_ID}?view=full`, { as: await edge.token() });
    expect([status, json.payment, json._degraded]).toEqual([200, null, undefined]);
  });

  it('is served within one deadline without the part that hangs', async () => {
    const over = Promise.withResolvers<never>();
    edge = await openEdge({
      orders: { getOrder: async () => ({ order: order() }) },
      catalog: { getProduct: async () => ({ product: product() }) },
      payments: { getPayment: () => over.promise },
      shipping: { getShipment: () => over.promise },
    });
    const { status, json } = await edge.send(`/api/v2/orders/${ORDER_ID}?view=full`, { as: await edge.token() });
    over.reject(new Error('it is over'));
    expect([status, json.payment, json.shipment, json.products.length]).toEqual([200, null, null, 1]);
    expect(json._degraded.map(({ part, status }: { part: string; status: number }) => [part, status])).toEqual(
      expect.arrayContaining([
        ['payment', 504],
        ['shipment', 504],
      ]),
    );
  });
});
