import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { type CallContext, status } from '@weft/kit/rpc';
import { contractWith, milliseconds } from './contract-with.ts';
import { aborted, gate, stage } from './stage.ts';

const { serveOne, client } = stage();
const open = { roles: [1] };
const contract = (ceiling: number) =>
  contractWith(InventoryService, {
    GetStock: { ...open, timeout: milliseconds(ceiling) },
    BatchGetStock: { ...open, timeout: milliseconds(60_000) },
  });
const stock = { stockCode: 'A' };

describe('a deadline', () => {
  it('is the server’s ceiling, however long the caller would wait', async () => {
    const fired = gate<unknown>();
    const { target, logs } = await serveOne(InventoryServiceService, contract(100), {
      getStock: async (_, { signal }) => {
        fired.resolve(await aborted(signal));
        return { stock: undefined };
      },
    });
    const inventory = client(InventoryServiceService, InventoryService, { target });
    await expect(inventory.getStock(stock, { timeout: 20_000 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      reason: 'DEADLINE_EXCEEDED',
    });
    expect(await fired.promise).toMatchObject({ name: 'DeadlineExceeded' });
    expect(logs().find(({ msg }) => msg === 'call')).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('is the caller’s when that is shorter', async () => {
    const seen = gate<CallContext>();
    const { target } = await serveOne(InventoryServiceService, contract(60_000), {
      getStock: async (_, call) => {
        seen.resolve(call);
        await aborted(call.signal);
        return { stock: undefined };
      },
    });
    const inventory = client(InventoryServiceService, InventoryService, { target });
    const asked = Date.now();
    await expect(inventory.getStock(stock, { timeout: 1000 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    const { deadline, signal } = await seen.promise;
    expect(deadline - asked).toBeLessThan(10_000);
    await aborted(signal);
  });

  it('is the method’s own timeout when the caller names none', async () => {
    const seen = gate<number>();
    const { target } = await serveOne(InventoryServiceService, contract(60_000), {
      getStock: async (_, call) => {
        seen.resolve(call.deadline);
        return { stock: undefined };
      },
    });
    const asked = Date.now();
    await client(InventoryServiceService, contract(5000), { target }).getStock(stock);
    expect((await seen.promise) - asked).toBeGreaterThan(4000);
    expect((await seen.promise) - asked).toBeLessThan(10_000);
  });

  it('of a nested call is what is left of the caller’s', async () => {
    const outer = gate<number>();
    const inner = gate<CallContext>();
    const { target } = await serveOne(InventoryServiceService, contract(60_000), {
      batchGetStock: async (_, call) => {
        outer.resolve(call.deadline);
        await client(InventoryServiceService, contract(60_000), { target }).getStock(stock);
        return { stocks: [] };
      },
      getStock: async (_, call) => {
        inner.resolve(call);
        await aborted(call.signal);
        return { stock: undefined };
      },
    });
    const inventory = client(InventoryServiceService, contract(60_000), { target });
    const failed = inventory.batchGetStock({ stockCodes: ['A'] }, { timeout: 1500 });
    await expect(failed).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect((await inner.promise).deadline - (await outer.promise)).toBeLessThan(5000);
    await aborted((await inner.promise).signal);
  });

  it('of a nested call is its own when that is shorter', async () => {
    const { target } = await serveOne(InventoryServiceService, contract(60_000), {
      batchGetStock: async () => {
        await client(InventoryServiceService, contract(50), { target }).getStock(stock);
        return { stocks: [] };
      },
      getStock: async (_, { signal }) => {
        await aborted(signal);
        return { stock: undefined };
      },
    });
    // What the nested service says is what the caller hears, long before its own deadline.
    const inventory = client(InventoryServiceService, contract(60_000), { target });
    await expect(inventory.batchGetStock({ stockCodes: ['A'] })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
  });

  it('that has passed lets no nested call out', async () => {
    const nested = gate<unknown>();
    let served = 0;
    const { target } = await serveOne(InventoryServiceService, contract(100), {
      getStock: async (_, { signal }) => {
        await aborted(signal);
        const inventory = client(InventoryServiceService, contract(60_000), { target });
        nested.resolve(await inventory.batchGetStock({ stockCodes: ['A'] }).catch((error: unknown) => error));
        return { stock: undefined };
      },
      batchGetStock: async () => {
        served++;
        return { stocks: [] };
      },
    });
    await client(InventoryServiceService, contract(60_000), { target })
      .getStock(stock)
      .catch(() => {});
    expect([status.CANCELLED, status.DEADLINE_EXCEEDED]).toContain(((await nested.promise) as { code: number }).code);
    expect(served).toBe(0);
  });
});
