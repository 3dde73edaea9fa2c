import { afterEach, describe, expect, it } from '@jest/globals';
import type { HealthState } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { clientAddress } from '../src/limits/address.ts';
import { type Edge, openEdge } from './fixture.ts';
import { hasRedis, startRedis } from './redis.ts';
import { ALICE, MALLORY, ORDER_ID, order, product } from './stubs.ts';

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.stop();
  edge = undefined;
});

const handlers = {
  catalog: {
    getProduct: async () => ({ product: product() }),
    listProducts: async () => ({ products: [], nextPageToken: '' }),
  },
  orders: { placeOrder: async () => ({ order: order() }), getOrder: async () => ({ order: order() }) },
};
const GET_PRODUCT = 'weft.catalog.v1.CatalogService/GetProduct';
const body = JSON.stringify({
  idempotencyKey: 'key',
  lines: [{ productId: 'lantern', quantity: '1' }],
  paymentMethodToken: 'tok_approved',
});

describe('limits', () => {
  it('takes ten orders a minute from a user, and says when the next may come', async () => {
    edge = await openEdge(handlers);
    const [alice, mallory] = [await edge.token(), await edge.token(MALLORY)];
    const place = (as: string) => (edge as Edge).send('/api/v2/orders', { method: 'POST', as, body });
    const first = await place(alice);
    expect(first.headers.get('ratelimit-policy')).toBe('"method";q=10;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"method";r=9;t=\d+$/);
    for (let n = 2; n <= 10; n++) expect((await place(alice)).status).toBe(202);
    const refused = await place(alice);
    expect([refused.status, refused.json.reason]).toEqual([429, 'RATE_LIMITED']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/^"method";r=0;/);
    expect((await place(mallory)).status).toBe(202);
    expect((await edge.send(`/api/v2/orders/${ORDER_ID}`, { as: alice })).status).toBe(200);
  });

  it('takes a hundred calls an hour of a method for which nothing else is said', async () => {
    edge = await openEdge({ orders: { listOrders: async () => ({ orders: [], nextPageToken: '' }) } });
    const { status, headers } = await edge.send('/api/v2/orders', { as: await edge.token() });
    expect([status, headers.get('ratelimit-policy')]).toEqual([200, '"method";q=100;w=3600']);
  });

  it('counts by address before anybody has signed in, whatever a header says, and tokens that are none', async () => {
    edge = await openEdge(handlers, { RATE_LIMITS: `${GET_PRODUCT}=2/60`, RATE_LIMIT: '3/60' });
    const get = (forwarded: string) =>
      (edge as Edge).send('/api/v2/products/lantern', { headers: { 'x-forwarded-for': forwarded } });
    expect([(await get('10.0.0.1')).status, (await get('10.0.0.2')).status, (await get('10.0.0.3')).status]).toEqual([
      200, 200, 429,
    ]);
    const guess = () => (edge as Edge).send(`/api/v2/users/${ALICE}/notifications`, { as: 'no.such.token' });
    const statuses = [];
    for (let n = 0; n < 4; n++) statuses.push((await guess()).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  it('has the same limit in every protocol', async () => {
    edge = await openEdge(handlers, { RATE_LIMITS: `${GET_PRODUCT}=1/60` });
    expect((await edge.send('/api/v2/products/lantern')).status).toBe(200);
    const connect = await edge.send(`/${GET_PRODUCT}`, { method: 'POST', body: '{"productId":"lantern"}' });
    expect([connect.status, connect.json.code]).toEqual([429, 'resource_exhausted']);
    expect(connect.headers.get('retry-after')).toBeTruthy();
  });

  it.each([
    ['203.0.113.7', undefined, 0, '203.0.113.7'],
    ['::ffff:203.0.113.7', '1.2.3.4', 0, '203.0.113.7'],
    ['127.0.0.1', '6.6.6.6, 203.0.113.7', 1, '203.0.113.7'],
    ['127.0.0.1', '203.0.113.7, 10.0.0.1', 2, '203.0.113.7'],
    ['127.0.0.1', undefined, 1, '127.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', undefined, 0, '2001:db8:1:2::/64'],
    ['2001:db8::1', undefined, 0, '2001:db8:0:0::/64'],
  ])('of %s, forwarded for %s behind %d proxies, it counts %s', (socket, forwarded, proxies, counted) => {
    expect(clientAddress(socket, forwarded, proxies)).toBe(counted);
  });
});

(hasRedis ? describe : describe.skip)('limits in Redis', () => {
  it('are counted for all gateways together, and in memory while Redis is away', async () => {
    let redis = await startRedis();
    const { port } = redis;
    const env = { REDIS_URL: redis.url, RATE_LIMITS: `${GET_PRODUCT}=4/600` };
    edge = await openEdge(handlers, env);
    const other = await openEdge(handlers, env);
    try {
      const connected = async (one: Edge) =>
        eventually(async () => {
          await one.send('/api/v2/products');
          return redis.cli('keys', '*limit*ListProducts*').length > 1;
        });
      await connected(edge);
      await connected(other);
      const get = (one: Edge) => one.send('/api/v2/products/lantern').then(({ status }) => status);
      const readiness = async () => {
        const answer = await fetch(`${(edge as Edge).booted.ops('gateway')}/readyz`);
        return { status: answer.status, ...((await answer.json()) as { gateway: HealthState }) };
      };
      const ready = (redis: string) => ({
        status: 200,
        gateway: { serving: true, dependencies: { redis, bus: 'ok' } },
      });
      const shows = (redis: string) => eventually(async () => (await readiness()).gateway.dependencies.redis === redis);
      await shows('ok');
      expect(await readiness()).toEqual(ready('ok'));
      expect([await get(edge), await get(other), await get(edge), await get(other)]).toEqual([200, 200, 200, 200]);
      expect([await get(edge), await get(other)]).toEqual([429, 429]);
      await redis.stop();
      const away = [];
      for (let n = 0; n < 5; n++) away.push(await get(edge));
      expect(away).toEqual([200, 200, 200, 200, 429]);
      // Limits are counted in memory: it is shown, and takes no calls away from this gateway.
      await shows('RedisUnavailable');
      expect(await readiness()).toEqual(ready('RedisUnavailable'));
      redis = await startRedis(port);
      await eventually(async () => (await get(other)) === 200);
    } finally {
      await other.stop();
      await redis.stop();
    }
  });
});
