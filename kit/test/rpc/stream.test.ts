import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { OrdersServiceService, WatchOrderResponse } from '@weft/gen/grpc/weft/orders/v1/orders';
import { DomainError } from '@weft/kit/failure';
import { type CallContext, type HandlersOf, status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { contractWith, milliseconds } from './contract-with.ts';
import { aborted, gate, stage } from './stage.ts';

const { serveOne, client } = stage();
type Watch = HandlersOf<typeof OrdersServiceService>['watchOrder'];
const watched = { orderId: '11111111-1111-4111-8111-111111111111', resumeToken: '' };
const change = (version: bigint, reason = '') => WatchOrderResponse.fromPartial({ version, reason });

async function watching(handler: Watch, { idle = 60_000, age = 60_000 } = {}) {
  const stream = { idleTimeout: milliseconds(idle), maxAge: milliseconds(age) };
  const contract = contractWith(OrdersService, { WatchOrder: { roles: [1], stream } });
  const served = await serveOne(OrdersServiceService, contract, { watchOrder: handler });
  const orders = client(OrdersServiceService, contract, { target: served.target });
  const seen: bigint[] = [];
  const open = () => orders.watchOrder(watched);
  const read = async () => {
    for await (const { version } of open()) seen.push(version);
    return seen;
  };
  return { ...served, seen, open, read };
}

describe('a stream', () => {
  it('gives what its handler yields, in order, and ends with it', async () => {
    const { read, logs } = await watching(async function* () {
      for (let version = 1n; version <= 500n; version++) yield change(version);
    });
    expect(await read()).toEqual(Array.from({ length: 500 }, (_, index) => BigInt(index + 1)));
    await eventually(() => logs().some(({ msg, code }) => msg === 'call' && code === 'OK'));
  });

  it('tells its handler all that a unary call is told', async () => {
    const seen = gate<CallContext>();
    const { read } = await watching(async function* (_, call) {
      seen.resolve(call);
      yield change(1n);
    });
    await read();
    const call = await seen.promise;
    expect(call.requestHash()).toHaveLength(32);
    expect(call).toMatchObject({
      method: 'weft.orders.v1.OrdersService/WatchOrder',
      deadline: Number.POSITIVE_INFINITY,
    });
  });

  it('ends with OK when nothing has come for its idle time, and tells its handler', async () => {
    const fired = gate<unknown>();
    const { read } = await watching(
      async function* (_, { signal }) {
        yield change(1n);
        yield change(2n);
        fired.resolve(await aborted(signal));
      },
      { idle: 100 },
    );
    expect(await read()).toEqual([1n, 2n]);
    await fired.promise;
  });

  it('ends with OK at its age, however much it still has to give', async () => {
    const fired = gate<unknown>();
    const { read } = await watching(
      async function* (_, { signal }) {
        void aborted(signal).then(fired.resolve);
        for (let version = 1n; ; version++) {
          yield change(version);
          await new Promise(setImmediate);
        }
      },
      { age: 200 },
    );
    expect((await read()).length).toBeGreaterThan(2);
    await fired.promise;
  });

  it('ends with OK when the server drains, also when its handler does not listen', async () => {
    const { read, seen, server } = await watching(async function* () {
      yield change(1n);
      await new Promise<never>(() => {});
    });
    const ended = read();
    await eventually(() => seen.length === 1);
    const began = performance.now();
    await server.stop(20_000);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await ended).toEqual([1n]);
  });

  it('ends with what its handler throws, after what came before', async () => {
    const { read, seen, logs } = await watching(async function* () {
      yield change(1n);
      throw new DomainError('aborted', 'VERSION_MISMATCH', 'changed', { version: '2' });
    });
    await expect(read()).rejects.toMatchObject({
      code: status.ABORTED,
      reason: 'VERSION_MISMATCH',
      metadata: { version: '2' },
    });
    expect(seen).toEqual([1n]);
    expect(logs()[0]).toMatchObject({ code: 'ABORTED', reason: 'VERSION_MISMATCH' });
  });

  it('ends with INTERNAL when its handler fails before it begins, or gives what cannot be sent', async () => {
    const failure = { code: status.INTERNAL, message: 'internal error' };
    const early = await watching(() => {
      throw new Error('no iterator');
    });
    await expect(early.read()).rejects.toMatchObject(failure);
    const unsendable = await watching(async function* () {
      yield { ...change(1n), version: 2n ** 70n };
    });
    await expect(unsendable.read()).rejects.toMatchObject(failure);
    const large = await watching(async function* () {
      yield change(1n);
      yield change(2n, 'x'.repeat(5_000_000));
    });
    await expect(large.read()).rejects.toMatchObject({ reason: 'RESPONSE_TOO_LARGE' });
    expect(large.seen).toEqual([1n]);
  });

  it('whose reader has stopped reading holds no more than a bounded part of what there is to send', async () => {
    let yielded = 0;
    const fired = gate<unknown>();
    const { open } = await watching(
      async function* (_, { signal }) {
        void aborted(signal).then(fired.resolve);
        for (; yielded < 100_000; yielded++) yield change(BigInt(yielded), 'x'.repeat(64 * 1024));
      },
      { idle: 300 },
    );
    const reader = open()[Symbol.asyncIterator]();
    await reader.next();
    await fired.promise;
    expect(yielded).toBeLessThan(300);
    await reader.return?.();
  });

  it('leaves nothing behind at its signal for what it has sent', async () => {
    const told = gate<CallContext>();
    let listeners = 0;
    const { read } = await watching(async function* (_, call) {
      told.resolve(call);
      for (let version = 1n; version <= 300n; version++) yield change(version);
      listeners = getEventListeners(call.signal, 'abort').length;
    });
    await read();
    expect(listeners).toBeLessThan(5);
  });
});
