import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { createWeft, type Tokens, type Weft, WeftError } from '../src/index.ts';
import { refusal, standIn } from './stand-in.ts';

const AWAY = () => refusal(Code.Unavailable, 'UNAVAILABLE');
const CREDENTIALS = { email: 'ada@shop.example', password: 'correct horse' };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let server: Awaited<ReturnType<typeof standIn>>;
let weft: Weft;

const failure = async (call: Promise<unknown>): Promise<WeftError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WeftError);
  return error as WeftError;
};

beforeEach(async () => {
  server = await standIn();
  weft = createWeft({ transport: server.transport, retries: { delay: 1 } });
});

afterEach(() => server.stop());

describe('a call', () => {
  beforeEach(async () => {
    await weft.session.signIn(CREDENTIALS);
    server.seen.keys.length = 0;
  });

  it('has one idempotency key, however often it is tried, and another than the next call', async () => {
    server.fail(AWAY(), AWAY());
    await weft.orders.placeOrder({ lines: [] });
    await weft.orders.placeOrder({ lines: [] });
    const [first, second, third, next] = server.seen.keys;
    expect([second, third]).toEqual([first, first]);
    expect(first).toMatch(UUID);
    expect(next).toMatch(UUID);
    expect(next).not.toBe(first);
  });

  it('keeps the key that it was given, and leaves its request as it was', async () => {
    const request = { lines: [], idempotencyKey: 'mine' };
    await weft.orders.placeOrder(request);
    expect(server.seen.keys).toEqual(['mine']);
    const without = { lines: [] };
    await weft.orders.placeOrder(without);
    expect(without).toEqual({ lines: [] });
  });

  it('is tried three times where the contract allows it, and once where it does not', async () => {
    server.fail(AWAY(), AWAY(), AWAY());
    expect((await failure(weft.orders.placeOrder({}))).code).toBe(Code.Unavailable);
    expect(server.seen.keys).toHaveLength(3);
    server.fail(AWAY());
    expect((await failure(weft.users.register({}))).code).toBe(Code.Unavailable);
    expect(server.seen.keys).toHaveLength(4);
  });

  it('is not tried again when it was refused', async () => {
    server.fail(refusal(Code.FailedPrecondition, 'MIXED_CURRENCIES', { first: 'GBP' }));
    const refused = await failure(weft.orders.placeOrder({}));
    expect(refused).toMatchObject({
      code: Code.FailedPrecondition,
      reason: 'MIXED_CURRENCIES',
      metadata: { first: 'GBP' },
      fields: [],
    });
    expect(server.seen.keys).toHaveLength(1);
  });

  it('has the contract’s time for all its tries together', async () => {
    server.fail(AWAY());
    await weft.orders.placeOrder({});
    const [first = 0, second = 0] = server.seen.timeouts.slice(-2);
    expect(first).toBeGreaterThan(4500);
    expect(first).toBeLessThanOrEqual(5000);
    expect(second).toBeLessThanOrEqual(first);
    await weft.orders.placeOrder({}, { timeoutMs: 700 });
    expect(server.seen.timeouts.at(-1)).toBeLessThanOrEqual(700);
  });

  it('waits no longer than the server asks for when that is longer than anybody waits', async () => {
    server.fail(refusal(Code.Unavailable, 'OVERLOADED', {}, 60));
    const refused = await failure(weft.orders.placeOrder({}));
    expect(refused).toMatchObject({ reason: 'OVERLOADED', retryAfter: 60_000 });
    expect(server.seen.keys).toHaveLength(1);
  });

  it('that is given up is not tried again', async () => {
    const giveUp = new AbortController();
    weft = createWeft({ transport: server.transport, retries: { delay: 60_000, random: () => 0.5 } });
    server.fail(AWAY());
    const call = failure(weft.catalog.getProduct({ productId: 'x' }, { signal: giveUp.signal }));
    giveUp.abort();
    await call;
    expect(server.seen.keys.length).toBeLessThanOrEqual(1);
  });

  it('to nobody fails as unavailable, in Node and with a browser’s fetch', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const main = join(import.meta.dirname, 'unreachable.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [main, `http://127.0.0.1:${port}`]);
    expect(JSON.parse(stdout)).toEqual(Array(2).fill(['Unavailable', 'UNAVAILABLE']));
  });
});

describe('a session', () => {
  it('sends its token, but not to methods that are open to all', async () => {
    await weft.session.signIn(CREDENTIALS);
    await weft.orders.placeOrder({});
    await weft.users.register({});
    expect(server.seen.tokens).toEqual([null, 'Bearer access-1', null]);
    expect(weft.session.userId).toBe('u-1');
  });

  it('renews a token before it ends, once, however many calls wait for it', async () => {
    server.validFor(10_000);
    await weft.session.signIn(CREDENTIALS);
    server.validFor(900_000);
    await Promise.all(Array.from({ length: 20 }, () => weft.orders.placeOrder({})));
    expect(server.seen.exchanges).toBe(1);
    expect(server.seen.tokens.filter((token) => token === 'Bearer access-2')).toHaveLength(20);
  });

  it('renews a token that is refused, and makes the call once more with the same key', async () => {
    await weft.session.signIn(CREDENTIALS);
    server.expire();
    await weft.orders.placeOrder({});
    const { keys, tokens, exchanges } = server.seen;
    expect(exchanges).toBe(1);
    expect(tokens.slice(1)).toEqual(['Bearer access-1', null, 'Bearer access-2']);
    expect(keys[3]).toBe(keys[1]);
  });

  it('is lost when the server has ended it, and says so once', async () => {
    let told = 0;
    const saved: (Tokens | undefined)[] = [];
    const store = {
      load: async () => saved.at(-1),
      save: async (tokens: Tokens | undefined) => void saved.push(tokens),
    };
    weft = createWeft({ transport: server.transport, store, onSignedOut: () => void told++ });
    await weft.session.signIn(CREDENTIALS);
    server.expire();
    server.beforeExchange(() => {
      throw refusal(Code.Unauthenticated, 'REFRESH_TOKEN_INVALID');
    });
    const refused = await Promise.all([1, 2, 3].map(() => failure(weft.orders.placeOrder({}))));
    const reasons = new Set(refused.map(({ reason }) => reason));
    expect(reasons).toContain('REFRESH_TOKEN_INVALID');
    // Of a call that was refused when the session was lost already.
    expect(['REFRESH_TOKEN_INVALID', 'TOKEN_EXPIRED']).toEqual(expect.arrayContaining([...reasons]));
    expect([told, saved.at(-1), weft.session.userId]).toEqual([1, undefined, undefined]);
  });

  it('lasts while the server is away: the exchange is made later, with the same key', async () => {
    let stored: Tokens | undefined;
    const store = {
      load: async () => stored,
      save: async (tokens: Tokens | undefined) => {
        stored = tokens;
      },
    };
    weft = createWeft({ transport: server.transport, store, retries: { attempts: 1 } });
    await weft.session.signIn(CREDENTIALS);
    server.expire();
    server.beforeExchange(() => {
      throw AWAY();
    });
    expect((await failure(weft.orders.placeOrder({}))).code).toBe(Code.Unavailable);
    server.beforeExchange(() => undefined);
    // As after a restart: all that is left is what was stored.
    const again = createWeft({ transport: server.transport, store });
    await again.orders.placeOrder({});
    const exchangeKeys = server.seen.keys.filter((_, index) => server.seen.tokens[index] === null).slice(1);
    expect(exchangeKeys).toHaveLength(2);
    expect(exchangeKeys[0]).toBe(exchangeKeys[1]);
    expect(stored?.exchangeKey).toBeUndefined();
  });

  it('is ended at the server and here', async () => {
    await weft.session.signIn(CREDENTIALS);
    await weft.session.signOut();
    expect(server.seen.keys.at(-1)).toBe('refresh-1');
    expect(await weft.session.token()).toBeUndefined();
    expect(weft.session.userId).toBeUndefined();
  });
});

it('a stream has the session’s token, and fails with the reason', async () => {
  await weft.session.signIn(CREDENTIALS);
  let received = 0;
  const watching = async () => {
    for await (const _ of weft.orders.watchOrder({ orderId: 'o-1' })) received++;
  };
  expect(await failure(watching())).toMatchObject({ code: Code.NotFound, reason: 'ORDER_NOT_FOUND' });
  expect(received).toBe(1);
});

it('is one file for a browser, with nothing of Node in it', async () => {
  const { outputFiles } = await build({
    entryPoints: [`${import.meta.dirname}/../src/index.ts`],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    minify: true,
  });
  expect(outputFiles).toHaveLength(1);
  expect(outputFiles[0]?.contents.length).toBeLessThan(600_000);
});
