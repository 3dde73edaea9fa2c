import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { InventoryServiceService, StockLine } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { contractWith } from './contract-with.ts';
import { rawClient } from './raw-call.ts';
import { stage } from './stage.ts';

const { serveOne, client, after } = stage();
const open = { roles: [1] };
const inventoryContract = contractWith(InventoryService, { GetStock: open, Reserve: open });
const MiB = 1024 * 1024;
const product = (description: string) => ({
  productId: 'A',
  stockCode: 'A',
  title: 'A',
  description,
  price: undefined,
});

describe('a message', () => {
  it('of almost four megabytes is sent, a larger one is refused before it is, and the connection lives on', async () => {
    const served = await serveOne(CatalogServiceService, CatalogService, {
      searchProducts: async ({ query }) => {
        const description = 'x'.repeat(query === 'large' ? 4 * MiB : 4 * MiB - 100);
        const some = { ...product(description), version: 1n, createTime: undefined, updateTime: undefined };
        return { products: [{ ...some, available: undefined }], nextPageToken: '' };
      },
    });
    const catalog = client(CatalogServiceService, CatalogService, { target: served.target });
    const search = (query: string) => catalog.searchProducts({ query, pageSize: 0, pageToken: '' });
    await expect(search('large')).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'RESPONSE_TOO_LARGE',
    });
    expect((await search('fits')).products).toHaveLength(1);
    expect(served.logs()[0]).toMatchObject({
      level: 'error',
      code: 'RESOURCE_EXHAUSTED',
      reason: 'RESPONSE_TOO_LARGE',
    });
  });

  it('that is too large is refused by the client, and by the server when it comes all the same', async () => {
    const { target } = await serveOne(InventoryServiceService, inventoryContract, {});
    const inventory = client(InventoryServiceService, inventoryContract, { target });
    const stockCode = 'x'.repeat(4 * MiB);
    await expect(inventory.getStock({ stockCode })).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    const raw = rawClient(target);
    after(() => raw.close());
    const request = InventoryServiceService.getStock.requestSerialize({ stockCode });
    const { error } = await raw.unary(InventoryServiceService.getStock.path, request);
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    const almost = InventoryServiceService.getStock.requestSerialize({ stockCode: 'x'.repeat(4 * MiB - 100) });
    expect((await raw.unary(InventoryServiceService.getStock.path, almost)).error?.code).toBe(status.INVALID_ARGUMENT);
  });
});

describe('a request that costs more to read than to send', () => {
  const reservation = Buffer.from(`0a24${Buffer.from('11111111-1111-4111-8111-111111111111').toString('hex')}`, 'hex');
  const reserve = async (...parts: Uint8Array[]) => {
    const { target } = await serveOne(InventoryServiceService, inventoryContract, {
      reserve: async () => ({ reservation: undefined }),
    });
    const raw = rawClient(target);
    after(() => raw.close());
    return raw.unary(InventoryServiceService.reserve.path, Buffer.concat([reservation, ...parts]));
  };
  const repeated = (bytes: number[], times: number) => Buffer.alloc(bytes.length * times, Buffer.from(bytes));
  const line = StockLine.encode({ stockCode: 'A', quantity: 1n }).finish();

  it.each([
    ['two million lines', repeated([0x12, 0], 2_000_000), 'lines: must contain at most 1000 items'],
    ['two million unknown fields', repeated([0x78, 1], 2_000_000), ': must not hold more than 1000 unknown fields'],
    ['unknown groups in groups', repeated([0x7b], 4_000_000), ': must not be nested deeper than 64'],
  ])('is refused at once (%s)', async (_, bytes, details) => {
    const { error } = await reserve(bytes);
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, details });
  });

  it('passes when its list is as long as its contract allows', async () => {
    const lines = Array.from({ length: 1000 }, (_, index) => {
      const bytes = StockLine.encode({ stockCode: `A${index}`, quantity: 1n }).finish();
      return Buffer.concat([Buffer.from([0x12, bytes.length]), bytes]);
    });
    expect(await reserve(...lines)).toMatchObject({ error: undefined });
    const more = await reserve(...lines, Buffer.concat([Buffer.from([0x12, line.length]), line]));
    expect(more.error).toMatchObject({ details: 'lines: must contain at most 1000 items' });
  });
});
