import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { catalog } from '@weft/catalog/module';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { runInContext } from '@weft/kit/context';
import { status } from '@weft/kit/rpc';
import { newTrace } from '@weft/kit/telemetry';
import { catalogClient } from '@weft/orders/clients/catalog';
import { GBP, openPair, type Pair, refusal } from './pair.ts';

let pair: Pair;
let products: ReturnType<typeof catalogClient>;
beforeAll(async () => {
  pair = await openPair(catalog, 'orders');
  products = catalogClient(pair.client);
  const user = { id: randomUUID(), roles: ['admin'] as const };
  const admin = await pair.booted.client(CatalogServiceService, CatalogService, { user });
  for (const [productId, price] of [
    ['lamp', 250n],
    ['box', 99n],
  ] as const) {
    const content = { stockCode: `S-${productId}`, title: `A ${productId}`, description: 'Long.', price: GBP(price) };
    await admin.createProduct({ productId, ...content });
  }
});
afterAll(() => pair.stop());

const LAMP = { productId: 'lamp', stockCode: 'S-lamp', title: 'A lamp', unitPrice: 250n, currency: 'GBP' };
const BOX = { productId: 'box', stockCode: 'S-box', title: 'A box', unitPrice: 99n, currency: 'GBP' };

describe('what orders expects of catalog', () => {
  it('is each product as it is sold now, in the order of the ids', async () => {
    expect(await products.products(['lamp', 'box'])).toEqual([LAMP, BOX]);
    expect(await products.products(['box', 'lamp'])).toEqual([BOX, LAMP]);
    expect(pair.sent()).toEqual([
      { method: 'batchGetProducts', request: { productIds: ['lamp', 'box'] } },
      { method: 'batchGetProducts', request: { productIds: ['box', 'lamp'] } },
    ]);
  });

  it('is PRODUCT_NOT_FOUND with the id, which orders hands on to its caller', async () => {
    await expect(products.products(['lamp', 'vase'])).rejects.toEqual(
      refusal(status.NOT_FOUND, 'PRODUCT_NOT_FOUND', { product_id: 'vase' }),
    );
  });

  it('is an answer for as many products as an order may have', async () => {
    const ids = Array.from({ length: 1000 }, (_, index) => `p-${index}`);
    await expect(products.products(ids)).rejects.toEqual(refusal(status.NOT_FOUND, 'PRODUCT_NOT_FOUND'));
  });

  it('is the same for a customer’s order, whose token orders passes on', async () => {
    const token = await pair.booted.token({ id: randomUUID(), roles: ['customer'] });
    const work = { correlationId: 'c', trace: newTrace(false), deadline: Number.POSITIVE_INFINITY, token };
    expect(await runInContext(work, () => products.products(['box']))).toEqual([BOX]);
  });
});
