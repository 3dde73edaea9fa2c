import { getEventListeners } from 'node:events';
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { type GetStockRequest, InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { OrdersServiceService, WatchOrderResponse } from '@weft/gen/grpc/weft/orders/v1/orders';
import { status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { methodContracts } from '../../src/rpc/contract.ts';
import { unaryMethod } from '../../src/rpc/method.ts';
import type { IncomingCall } from '../../src/rpc/server-call.ts';
import { requestDecoder } from '../../src/rpc/validation.ts';
import { contractWith, milliseconds } from './contract-with.ts';
import { aborted, gate, recordingTracing, stage } from './stage.ts';

const { serveOne, client } = stage();
const open = { roles: [1], timeout: milliseconds(60_000) };
const inventoryContract = contractWith(InventoryService, { GetStock: open, BatchGetStock: open });
const ordersContract = contractWith(OrdersService, { WatchOrder: { roles: [1] } });
const stock = { stockCode: 'A' };
const watched = { orderId: '11111111-1111-4111-8111-111111111111', resumeToken: '' };
const change = (version: bigint) => WatchOrderResponse.fromPartial({ version });

/** Asks for a stock, and goes away once the handler has begun. */
async function cancelOnce(begun: Promise<void>, target: string): Promise<void> {
  const stop = new AbortController();
  const call = client(InventoryServiceService, inventoryContract, { target }).getStock(stock, { signal: stop.signal });
  await begun;
  stop.abort();
  await expect(call).rejects.toMatchObject({ code: status.CANCELLED });
}

describe('a cancelled call', () => {
  it('fires its handler’s signal and is logged as cancelled', async () => {
    const entered = gate();
    const fired = gate<unknown>();
    const { target, logs } = await serveOne(InventoryServiceService, inventoryContract, {
      getStock: async (_, { signal }) => {
        entered.resolve();
        fired.resolve(await aborted(signal));
        return { stock: undefined };
      },
    });
    await cancelOnce(entered.promise, target);
    expect(await fired.promise).toMatchObject({ name: 'Cancelled' });
    await eventually(() => logs().some(({ msg, code }) => msg === 'call' && code === 'CANCELLED'));
  });

  it('leaves its handler the request for as long as that goes on', async () => {
    const entered = gate();
    const heard = gate();
    const hash = gate<Uint8Array>();
    const { target, logs } = await serveOne(InventoryServiceService, inventoryContract, {
      getStock: async (_, context) => {
        entered.resolve();
        await heard.promise;
        hash.resolve(context.requestHash());
        return { stock: undefined };
      },
    });
    await cancelOnce(entered.promise, target);
    await eventually(() => logs().some(({ msg, code }) => msg === 'call' && code === 'CANCELLED'));
    heard.resolve();
    expect(await hash.promise).toHaveLength(32);
  });

  it('is cancelled in the services that its handler calls as well', async () => {
    const entered = gate();
    const fired = gate<unknown>();
    const { target } = await serveOne(InventoryServiceService, inventoryContract, {
      batchGetStock: async () => {
        await client(InventoryServiceService, inventoryContract, { target }).getStock(stock);
        return { stocks: [] };
      },
      getStock: async (_, { signal }) => {
        entered.resolve();
        fired.resolve(await aborted(signal));
        return { stock: undefined };
      },
    });
    const stop = new AbortController();
    const inventory = client(InventoryServiceService, inventoryContract, { target });
    const call = inventory.batchGetStock({ stockCodes: ['A'] }, { signal: stop.signal });
    await entered.promise;
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: status.CANCELLED });
    expect(await fired.promise).toMatchObject({ name: 'Cancelled' });
  });

  it('never begins when it was cancelled before', async () => {
    let served = 0;
    const { target } = await serveOne(InventoryServiceService, inventoryContract, {
      getStock: async () => {
        served++;
        return { stock: undefined };
      },
    });
    const inventory = client(InventoryServiceService, inventoryContract, { target });
    const signal = AbortSignal.abort();
    await expect(inventory.getStock(stock, { signal })).rejects.toMatchObject({ code: status.CANCELLED });
    await inventory.getStock(stock);
    expect(served).toBe(1);
  });

  it('leaves no listener at a signal that outlives it', async () => {
    const { target } = await serveOne(InventoryServiceService, inventoryContract, {
      getStock: async () => ({ stock: undefined }),
    });
    const inventory = client(InventoryServiceService, inventoryContract, { target });
    const stop = new AbortController();
    for (let call = 0; call < 3; call++) await inventory.getStock(stock, { signal: stop.signal });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  it('does not fire the signal of a call that ended well', async () => {
    const signals: AbortSignal[] = [];
    const { target } = await serveOne(InventoryServiceService, inventoryContract, {
      getStock: async (_, { signal }) => {
        signals.push(signal);
        return { stock: undefined };
      },
    });
    const inventory = client(InventoryServiceService, inventoryContract, { target });
    for (let call = 0; call < 3; call++) await inventory.getStock(stock);
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false, false]);
  });

  it.each([
    [4, 'DEADLINE_EXCEEDED'],
    [500, 'CANCELLED'],
  ])('%i ms before its deadline ends as %s', async (left, expected) => {
    let now = 1_000_000;
    const contract = methodContracts(inventoryContract).getStock;
    if (!contract) throw new Error('no contract');
    const { tracing } = recordingTracing();
    const method = unaryMethod(
      contract,
      () => new Promise<never>(() => {}),
      () => new Uint8Array(),
      {
        service: 'test',
        verifyToken: async () => ({ id: '', roles: [] }),
        tracing,
        observers: [],
        draining: new AbortController().signal,
        now: () => now,
      },
    );
    const { requestSerialize, requestDeserialize } = InventoryServiceService.getStock;
    const request = requestDecoder(contract.input, requestDeserialize)(requestSerialize(stock));
    const call: IncomingCall<GetStockRequest> = {
      metadata: new Metadata(),
      request,
      getPeer: () => '127.0.0.1:1',
      getDeadline: () => now + 5000,
      onCancelled: undefined,
    };
    const ended = method(call).catch((error: StatusObject) => error);
    now += 5000 - left;
    call.onCancelled?.();
    expect(status[((await ended) as StatusObject).code]).toBe(expected);
  });
});

describe('a stream', () => {
  const endless = (entered: () => void, ended: (reason: unknown) => void) =>
    async function* (_: unknown, { signal }: { signal: AbortSignal }) {
      void aborted(signal).then(ended);
      for (let version = 1n; !signal.aborted; version++) {
        yield change(version);
        entered();
        if (version === 3n) await aborted(signal);
      }
    };

  it('that its reader leaves fires its handler’s signal', async () => {
    const fired = gate<unknown>();
    const { target } = await serveOne(OrdersServiceService, ordersContract, {
      watchOrder: endless(() => {}, fired.resolve),
    });
    for await (const _ of client(OrdersServiceService, ordersContract, { target }).watchOrder(watched)) break;
    await fired.promise;
  });

  it('ends quietly when its reader’s signal fires', async () => {
    const fired = gate<unknown>();
    const { target } = await serveOne(OrdersServiceService, ordersContract, {
      watchOrder: endless(() => {}, fired.resolve),
    });
    const stop = new AbortController();
    const seen: bigint[] = [];
    const orders = client(OrdersServiceService, ordersContract, { target });
    for await (const { version } of orders.watchOrder(watched, { signal: stop.signal })) {
      seen.push(version);
      if (version === 2n) stop.abort();
    }
    expect(seen.slice(0, 2)).toEqual([1n, 2n]);
    await fired.promise;
  });

  it('of a reader whose signal fired before ends at once', async () => {
    const { target } = await serveOne(OrdersServiceService, ordersContract, {
      watchOrder: endless(
        () => {},
        () => {},
      ),
    });
    const orders = client(OrdersServiceService, ordersContract, { target });
    for await (const _ of orders.watchOrder(watched, { signal: AbortSignal.abort() }))
      throw new Error('not to be seen');
  });

  it('that a handler reads ends with the handler’s call', async () => {
    const reading = gate();
    const fired = gate<unknown>();
    const orders = await serveOne(OrdersServiceService, ordersContract, {
      watchOrder: endless(reading.resolve, fired.resolve),
    });
    const front = await serveOne(InventoryServiceService, inventoryContract, {
      getStock: async () => {
        const nested = client(OrdersServiceService, ordersContract, { target: orders.target });
        for await (const _ of nested.watchOrder(watched));
        return { stock: undefined };
      },
    });
    const stop = new AbortController();
    const inventory = client(InventoryServiceService, inventoryContract, { target: front.target });
    const call = inventory.getStock(stock, { signal: stop.signal });
    await reading.promise;
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: status.CANCELLED });
    await fired.promise;
  });

  it('has the deadline that its reader asks for, and that of the work that reads it', async () => {
    const fired = gate<unknown>();
    const orders = await serveOne(OrdersServiceService, ordersContract, {
      watchOrder: endless(() => {}, fired.resolve),
    });
    const nested = client(OrdersServiceService, ordersContract, { target: orders.target });
    const read = async (timeout?: number) => {
      for await (const _ of nested.watchOrder(watched, timeout === undefined ? {} : { timeout }));
    };
    await expect(read(150)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await fired.promise;
    const heard = gate<unknown>();
    const front = await serveOne(InventoryServiceService, inventoryContract, {
      getStock: async () => {
        heard.resolve(await read().catch((error: unknown) => error));
        return { stock: undefined };
      },
    });
    const inventory = client(InventoryServiceService, inventoryContract, { target: front.target });
    await expect(inventory.getStock(stock, { timeout: 200 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const { code } = (await heard.promise) as { code: number };
    expect([status.DEADLINE_EXCEEDED, status.CANCELLED]).toContain(code);
  });
});
