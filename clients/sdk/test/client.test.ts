import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { createWeft, type Weft } from '../src/index.ts';
import { AWAY, CREDENTIALS, failure, refusal, standIn } from './stand-in.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let server: Awaited<ReturnType<typeof standIn>>;
let weft: Weft;

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
