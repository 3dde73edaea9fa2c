import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { GetStockResponse, InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { currentContext, runInContext } from '@weft/kit/context';
import { status } from '@weft/kit/rpc';
import { contractWith, milliseconds } from './contract-with.ts';
import { aborted, callWithinProcess, gate, recordingTracing, stage } from './stage.ts';

callWithinProcess();
const { serveOne, client, after } = stage();
const contract = contractWith(InventoryService, { GetStock: { roles: [1], timeout: milliseconds(60_000) } });
const stock = { stockCode: 'A' };
const inventoryAt = (target: string) => client(InventoryServiceService, contract, { target });

function inWork<T>(signal: AbortSignal | undefined, work: () => T): T {
  const { tracing } = recordingTracing();
  const context = { correlationId: 'of-the-caller', trace: tracing.start(), deadline: Number.POSITIVE_INFINITY };
  return runInContext({ ...context, ...(signal && { signal }) }, work);
}

/** How many connections servers of this process have taken until now. */
function connections(): () => number {
  let taken = 0;
  const take = () => void taken++;
  subscribe('net.server.socket', take);
  after(() => unsubscribe('net.server.socket', take));
  return () => taken;
}

describe('a call to a server of the same process', () => {
  it.each(['127.0.0.1', '0.0.0.0'])('needs no connection, when that listens on %s', async (host) => {
    const taken = connections();
    const getStock = async () => GetStockResponse.fromPartial({ stock: { onHand: 3n, reserved: 1n } });
    const { target } = await serveOne(InventoryServiceService, contract, { getStock }, { host });
    expect(await inventoryAt(target).getStock(stock)).toMatchObject({ stock: { onHand: 3n, reserved: 1n } });
    expect(taken()).toBe(0);
    await inventoryAt(target.replace('127.0.0.1', 'localhost')).getStock(stock);
    expect(taken()).toBe(1);
  });

  it('tells who serves it nothing of the work that makes it but what its headers say', async () => {
    const seen: unknown[] = [];
    const identify = () => void seen.push(currentContext());
    const getStock = async () => ({ stock: undefined });
    const { target } = await serveOne(InventoryServiceService, contract, { getStock }, { identify });
    const inventory = inventoryAt(target);
    await inWork(undefined, async () => {
      await inventory.getStock(stock);
      seen.push(currentContext()?.correlationId);
    });
    expect(seen).toEqual([undefined, 'of-the-caller']);
  });

  it('is not shared with it: neither sees what the other makes of a message', async () => {
    const { target } = await serveOne(InventoryServiceService, contract, {
      getStock: async (request) => {
        request.stockCode = 'changed';
        return { stock: undefined };
      },
    });
    const request = { ...stock };
    await inventoryAt(target).getStock(request);
    expect(request).toEqual(stock);
  });

  it('comes from the address that it goes to: only on this machine is its caller believed to be who it says', async () => {
    const peers: string[] = [];
    const identify = (_: unknown, call: { getPeer(): string }) => void peers.push(call.getPeer());
    const getStock = async () => ({ stock: undefined });
    const { target, server } = await serveOne(InventoryServiceService, contract, { getStock }, { identify });
    await inventoryAt(target).getStock(stock);
    expect(peers).toEqual([`127.0.0.1:${server.port}`]);
  });

  it('is not made by a client that is closed', async () => {
    let served = 0;
    const { target } = await serveOne(InventoryServiceService, contract, {
      getStock: async () => {
        served++;
        return { stock: undefined };
      },
    });
    const inventory = inventoryAt(target);
    inventory.close();
    await expect(inventory.getStock(stock)).rejects.toThrow();
    expect(served).toBe(0);
  });

  it('leaves no listener at a signal that outlives it, when another fired before', async () => {
    const getStock = async () => ({ stock: undefined });
    const { target } = await serveOne(InventoryServiceService, contract, { getStock });
    const work = new AbortController();
    const call = inWork(work.signal, () => inventoryAt(target).getStock(stock, { signal: AbortSignal.abort() }));
    await expect(call).rejects.toMatchObject({ code: status.CANCELLED });
    expect(getEventListeners(work.signal, 'abort')).toEqual([]);
  });

  it('is waited for by a server that stops, which takes no other', async () => {
    const entered = gate();
    const goOn = gate();
    const { target, server } = await serveOne(InventoryServiceService, contract, {
      getStock: async () => {
        entered.resolve();
        await goOn.promise;
        return { stock: undefined };
      },
    });
    const inventory = inventoryAt(target);
    const call = inventory.getStock(stock);
    await entered.promise;
    let stopped = false;
    const stop = server.stop(20_000).then(() => {
      stopped = true;
    });
    await expect(inventory.getStock(stock, { timeout: 5_000 })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(stopped).toBe(false);
    goOn.resolve();
    await call;
    await stop;
  });

  it('is cut when a server that stops has waited long enough', async () => {
    const entered = gate();
    const fired = gate<unknown>();
    const { target, server } = await serveOne(InventoryServiceService, contract, {
      getStock: async (_, { signal }) => {
        entered.resolve();
        fired.resolve(await aborted(signal));
        return { stock: undefined };
      },
    });
    const call = inventoryAt(target).getStock(stock);
    const failed = expect(call).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await entered.promise;
    await server.stop(50);
    await failed;
    expect(await fired.promise).toMatchObject({ name: 'Cancelled' });
  });
});

// The promises of these files, in which the servers and their clients are of one process.
for (const file of [
  'authorization',
  'cancellation',
  'context',
  'deadlines',
  'errors',
  'identity',
  'limits',
  'metrics',
  'redaction',
  'retries',
  'stream',
  'wanted-traces',
])
  await import(`./${file}.test.ts`);
