import { afterEach, describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { RemoteError, status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { Breaker } from '../src/resilience/breaker.ts';
import { Bulkhead } from '../src/resilience/bulkhead.ts';
import { startShedding } from '../src/resilience/shedding.ts';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, MALLORY, ORDER_ID, order, person, product, serveStubs } from './stubs.ts';

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.stop();
  edge = undefined;
});

const away = () => new RemoteError(status.UNAVAILABLE, 'UNAVAILABLE', 'away');
const failed = () => Promise.reject(away());
const unwell = () => 'unwell' as const;
const always = { signal: undefined, deadline: Number.POSITIVE_INFINITY };

describe('a breaker', () => {
  it('opens after five failures in a row, and lets one call try after a minute', async () => {
    let now = 0;
    const breaker = new Breaker('catalog', { failures: 5, pause: 60_000, now: () => now });
    for (let n = 0; n < 4; n++) await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    await breaker.run(async () => 'well', unwell);
    for (let n = 0; n < 5; n++) await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    expect(breaker.state).toBe('open');
    await expect(breaker.run(async () => 'well', unwell)).rejects.toMatchObject({
      reason: 'CIRCUIT_OPEN',
      retryAfter: 60,
    });
    now = 60_000;
    expect(breaker.state).toBe('half-open');
    const trying = Promise.withResolvers<string>();
    const probe = breaker.run(() => trying.promise, unwell);
    await expect(breaker.run(async () => 'well', unwell)).rejects.toMatchObject({ reason: 'CIRCUIT_OPEN' });
    trying.resolve('well');
    await probe;
    expect(breaker.state).toBe('closed');
  });

  it('opens again when the one that tries fails', async () => {
    let now = 0;
    const breaker = new Breaker('catalog', { failures: 1, pause: 1000, now: () => now });
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    now = 1000;
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    expect(breaker.state).toBe('open');
  });

  it('learns nothing from a call that tells nothing, and lets the next one try', async () => {
    let now = 0;
    const breaker = new Breaker('catalog', { failures: 2, pause: 1000, now: () => now });
    const nothing = () => 'nothing' as const;
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    for (let n = 0; n < 5; n++) await expect(breaker.run(failed, nothing)).rejects.toThrow('away');
    expect(breaker.state).toBe('closed');
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    now = 1000;
    await expect(breaker.run(failed, nothing)).rejects.toThrow('away');
    expect(breaker.state).toBe('half-open');
    await breaker.run(async () => 'well', unwell);
    expect(breaker.state).toBe('closed');
  });
});

describe('a bulkhead', () => {
  it('lets no more run than it may, no more wait than it may, and whoever leaves', async () => {
    const bulkhead = new Bulkhead('orders', { calls: 1, queue: 1 });
    const first = Promise.withResolvers<void>();
    const running = bulkhead.run(() => first.promise, always);
    const leaving = new AbortController();
    const waiting = bulkhead.run(async () => 'never', { ...always, signal: leaving.signal });
    await expect(bulkhead.run(async () => 'no', always)).rejects.toMatchObject({ reason: 'UPSTREAM_BUSY' });
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ reason: 'CANCELLED' });
    const late = bulkhead.run(async () => 'never', { ...always, deadline: Date.now() + 20 });
    await expect(late).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    const next = bulkhead.run(async () => 'yes', always);
    first.resolve();
    await running;
    expect(await next).toBe('yes');
    expect([bulkhead.running, bulkhead.waiting]).toEqual([0, 0]);
  });
});

it('sheds work while the event loop is late, and takes it again', async () => {
  const shedding = startShedding(20);
  try {
    await eventually(() => {
      const until = performance.now() + 120;
      while (performance.now() < until);
      try {
        shedding.admit();
        return false;
      } catch (error) {
        return error instanceof DomainError && error.reason === 'OVERLOADED';
      }
    });
    await eventually(() => {
      shedding.admit();
      return true;
    });
  } finally {
    shedding.stop();
  }
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
});
