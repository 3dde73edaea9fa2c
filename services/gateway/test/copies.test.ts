import { randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgresBus, type PostgresBus } from '@weft/kit/events';
import { DomainError } from '@weft/kit/failure';
import type { User } from '@weft/kit/rpc';
import { createLogger } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { Redis } from 'ioredis';
import { memoryCopies } from '../src/cache/memory.ts';
import { type Ask, createCopies } from '../src/cache/read-through.ts';
import { redisCopies } from '../src/cache/redis.ts';
import { contracts } from '../src/clients/contracts.ts';
import type { Arrival } from '../src/edge/arrival.ts';
import { type EdgeMethod, edgeMethods } from '../src/edge/methods.ts';
import { type Edge, openEdge } from './fixture.ts';
import { hasRedis, startRedis } from './redis.ts';
import { ALICE, person, product } from './stubs.ts';

const inRedis = hasRedis ? describe : describe.skip;
let redis: Awaited<ReturnType<typeof startRedis>>;
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe('copies', () => {
  const methods = edgeMethods(contracts);
  const arrival = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY } as Arrival;
  const alice = { id: ALICE } as User;
  function open() {
    const options = { store: memoryCopies(), methods: methods.values(), now: () => 1_000, onLookup: () => {} };
    const copies = createCopies(options);
    copies.follows(0);
    /** What is answered, as text, of an answer of such a service. */
    async function call(name: string, fields: Readonly<Record<string, string>>, service: Ask | string) {
      const method = methods.get(`weft.${name}`) as EdgeMethod;
      const { input } = method.descriptor;
      const ask: Ask = typeof service === 'string' ? async () => Buffer.from(service) : service;
      const { bytes } = await copies.read(method, toBinary(input, create(input, fields)), alice, arrival, ask);
      return Buffer.from(bytes).toString();
    }
    return { ...copies, call };
  }
  const GET_USER = 'users.v1.UsersService/GetUser';
  const SHOUTED = ALICE.toUpperCase();

  it.each(['UpdateUser', 'DeleteUser'])('of a profile end with %s, however its id is written', async (write) => {
    for (const [read, written] of [
      [SHOUTED, ALICE],
      [ALICE, SHOUTED],
    ] as const) {
      const { call } = open();
      expect(await call(GET_USER, { userId: read }, 'before')).toBe('before');
      expect(await call(GET_USER, { userId: read }, 'not asked')).toBe('before');
      await call(`users.v1.UsersService/${write}`, { userId: written }, 'written');
      expect(await call(GET_USER, { userId: read }, 'after')).toBe('after');
    }
  });

  it('of a profile end with its event, however its id is written', async () => {
    const { call, changed } = open();
    expect(await call(GET_USER, { userId: SHOUTED }, 'before')).toBe('before');
    expect(await call(GET_USER, { userId: ALICE }, 'before')).toBe('before');
    await changed('weft.users.v1.user_deleted', ALICE);
    expect(await call(GET_USER, { userId: SHOUTED }, 'after')).toBe('after');
    expect(await call(GET_USER, { userId: ALICE }, 'after')).toBe('after');
  });

  it('are not made of what was asked for before a write, nor is that given to who asks after it', async () => {
    const { call } = open();
    const before = Promise.withResolvers<Buffer>();
    const after = Promise.withResolvers<Buffer>();
    const asked: string[] = [];
    const get = (service: Promise<Buffer>, text: string) =>
      call(GET_USER, { userId: ALICE }, () => {
        asked.push(text);
        return service;
      });
    const waiting = get(before.promise, 'before');
    await call('users.v1.UsersService/UpdateUser', { userId: ALICE }, 'written');
    const later = [get(after.promise, 'after'), get(after.promise, 'after too')];
    before.resolve(Buffer.from('before'));
    expect(await waiting).toBe('before');
    // What came before has not taken the place of what came after.
    later.push(get(after.promise, 'last'));
    after.resolve(Buffer.from('after'));
    expect(await Promise.all(later)).toEqual(['after', 'after', 'after']);
    expect(asked).toEqual(['before', 'after']);
    expect(await call(GET_USER, { userId: ALICE }, 'not asked')).toBe('after');
  });

  it('are not kept of an answer that comes just before the event that ends it', async () => {
    for (let steps = 0; steps < 30; steps++) {
      const { call, changed } = open();
      const before = Promise.withResolvers<Buffer>();
      const asked = Promise.withResolvers<void>();
      const waiting = call(GET_USER, { userId: ALICE }, () => {
        asked.resolve();
        return before.promise;
      });
      await asked.promise;
      before.resolve(Buffer.from('before'));
      for (let step = 0; step < steps; step++) await null;
      await changed('weft.users.v1.user_updated', ALICE);
      expect(await waiting).toBe('before');
      expect([steps, await call(GET_USER, { userId: ALICE }, 'after')]).toEqual([steps, 'after']);
    }
  });

  it('of products whose ids differ in case alone are of different products', async () => {
    const { call, changed } = open();
    for (const productId of ['lamp', 'LAMP'])
      await call('catalog.v1.CatalogService/GetProduct', { productId }, 'before');
    await changed('weft.catalog.v1.product_updated', 'lamp');
    expect(await call('catalog.v1.CatalogService/GetProduct', { productId: 'LAMP' }, 'after')).toBe('before');
    expect(await call('catalog.v1.CatalogService/GetProduct', { productId: 'lamp' }, 'after')).toBe('after');
  });
});

inRedis('copies in Redis', () => {
  let connection: Redis;
  beforeEach(() => {
    connection = new Redis(redis.port, '127.0.0.1');
  });
  afterEach(() => connection.disconnect());
  const copy = { at: 1, bytes: Buffer.from('answer') };

  it('are few of one aggregate, however many ask, and keep what was asked for last', async () => {
    const copies = redisCopies(connection);
    for (let n = 0; n < 130; n++) await copies.put('one', `${n}`, copy, 60_000);
    expect(await connection.hlen('copy:one')).toBeLessThanOrEqual(50);
    expect(await copies.get('one', '129')).toEqual(copy);
    await copies.put('one', '129', { ...copy, at: 2 }, 60_000);
    expect((await copies.get('one', '129'))?.at).toBe(2);
  });

  it('go as soon as they may be used no more, and take no other with them', async () => {
    const copies = redisCopies(connection);
    const absent = { at: 1, absent: { reason: 'NONE', message: 'none', metadata: {} } };
    await copies.put('gone', 'a', absent, 2_000);
    expect(await connection.pttl('copy:gone')).toBeLessThanOrEqual(2_000);
    await copies.put('there', 'a', copy, 60_000);
    await copies.put('there', 'b', absent, 2_000);
    expect(await connection.pttl('copy:there')).toBeGreaterThan(50_000);
  });
});

inRedis('two gateways on one Redis', () => {
  let edges: Edge[] = [];
  let bus: PostgresBus;
  const there = new Set<string>();
  const asked: string[] = [];
  beforeAll(async () => {
    const handlers = {
      catalog: {
        getProduct: async ({ productId }: { productId: string }) => {
          asked.push(productId);
          if (!there.has(productId)) throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'no such product');
          return { product: product({ productId }) };
        },
        listProducts: async ({ pageToken }: { pageToken: string }) => ({
          products: [product()],
          nextPageToken: pageToken,
        }),
      },
      users: {
        getUser: async () => {
          asked.push(ALICE);
          return { user: person() };
        },
      },
    };
    const first = await openEdge(handlers, { REDIS_URL: redis.url });
    edges = [first, await openEdge(handlers, { REDIS_URL: redis.url, BUS_DATABASE_URL: first.booted.bus.url })];
    const logger = createLogger({ level: 'silent', pretty: false });
    bus = openPostgresBus({ url: first.booted.bus.url, name: 'test', logger });
  });
  afterAll(async () => {
    await bus?.close();
    for (const edge of edges) await edge.stop();
  });
  afterEach(() => {
    asked.length = 0;
  });

  async function get(n: number, path: string) {
    const edge = edges[n] as Edge;
    const answer = await edge.send(path, { as: await edge.token() });
    expect(answer.status).not.toBe(401);
    return answer;
  }
  const tell = (type: string, key: string) =>
    bus.publish([{ id: randomUUID(), type, subject: `${type}.${key}`, key, headers: {}, payload: Buffer.alloc(0) }]);
  /** Both follow events, so that what is copied is given without asking. */
  async function copied(path: string): Promise<void> {
    await eventually(async () => {
      await get(0, path);
      const before = asked.length;
      await get(0, path);
      await get(1, path);
      return asked.length === before;
    });
  }

  it("give each other's copies, until an event ends them for both", async () => {
    there.add('lantern');
    const path = '/api/v2/products/lantern';
    await copied(path);
    const before = asked.length;
    await tell('weft.catalog.v1.product_updated', 'lantern');
    await eventually(async () => {
      await get(1, path);
      return asked.length === before + 1;
    }, 4_000);
  });

  it('remember that there is no such thing until it is there', async () => {
    const path = '/api/v2/products/lamp';
    await copied(path);
    there.add('lamp');
    const start = performance.now();
    await tell('weft.catalog.v1.product_created', 'lamp');
    await eventually(async () => (await get(1, path)).status === 200);
    // Sooner than it would have been forgotten by itself.
    expect(performance.now() - start).toBeLessThan(1_900);
  });

  it.each(['weft.users.v1.user_updated', 'weft.users.v1.user_deleted'])('end a profile by %s', async (type) => {
    const path = `/api/v2/users/${ALICE}`;
    await copied(path);
    const before = asked.length;
    await tell(type, ALICE);
    await eventually(async () => {
      await get(1, path);
      return asked.length === before + 1;
    }, 4_000);
  });

  it('keep each page of a list by itself, so that none keeps the others alive', async () => {
    for (let n = 0; n < 20; n++) await get(n % 2, `/api/v2/products?page_token=p${n}`);
    const keys = redis.cli('keys', '*copy:*ListProducts*').trim().split('\n');
    expect(keys).toHaveLength(20);
    for (const key of keys) expect(redis.cli('hlen', key).trim()).toBe('1');
  });
});
