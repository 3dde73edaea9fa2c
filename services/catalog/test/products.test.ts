import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { ProductCreated, ProductUpdated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { refusal } from '@weft/kit/testing';
import { openShop, price, type Shop } from './fixture.ts';
import { type InventoryStub, startInventoryStub } from './inventory-stub.ts';

let inventory: InventoryStub;
let shop: Shop;

beforeAll(async () => {
  inventory = await startInventoryStub();
  shop = await openShop(inventory.target);
  await shop.add('first');
});

afterAll(async () => {
  await shop.booted.stop();
  await inventory.stop();
});

const HOLDER = {
  stockCode: '85123A',
  title: 'WHITE HANGING HEART T-LIGHT HOLDER',
  description: '',
  price: price(255n),
};

describe('a product', () => {
  it('is created once under its id: the same again is the standing one, another is refused', async () => {
    const request = { productId: '85123A-255', ...HOLDER };
    const created = await Promise.all(Array.from({ length: 5 }, () => shop.admin.createProduct(request)));
    expect(created[0]?.product).toMatchObject({ ...request, version: 1n, available: undefined });
    for (const one of created) expect(one).toEqual(created[0]);
    for (const other of [{ stockCode: '85123B' }, { title: 'Other' }, { description: 'x' }, { price: price(256n) }]) {
      const refused = await refusal(shop.admin.createProduct({ ...request, ...other }));
      expect(refused).toMatchObject({ reason: 'PRODUCT_EXISTS', metadata: { product_id: '85123A-255' } });
    }
  });

  it('changes in the fields that are set, at the expected version only', async () => {
    await shop.add('changing');
    const update = (change: object, expectedVersion: bigint) =>
      shop.admin.updateProduct({ productId: 'changing', price: undefined, expectedVersion, ...change });
    const titled = await update({ title: 'New title' }, 1n);
    expect(titled.product).toMatchObject({ title: 'New title', price: price(255n), version: 2n });
    expect(await update({ title: 'New title' }, 1n)).toEqual(titled);
    expect(await refusal(update({ title: 'Late' }, 1n))).toMatchObject({
      reason: 'VERSION_MISMATCH',
      metadata: { product_id: 'changing', version: '2' },
    });
    const { product } = await update({ price: price(295n), description: '' }, 0n);
    expect(product).toMatchObject({ title: 'New title', price: price(295n), version: 3n });
    expect((await update({}, 3n)).product).toEqual(product);
  });

  it('that is not there is not found', async () => {
    const productId = 'nowhere';
    const calls = [
      shop.anybody.getProduct({ productId }),
      shop.admin.updateProduct({ productId, title: 'x', price: undefined, expectedVersion: 0n }),
      shop.admin.batchGetProducts({ productIds: [productId] }),
    ];
    const expected = { reason: 'PRODUCT_NOT_FOUND', metadata: { product_id: productId } };
    for (const refused of await Promise.all(calls.map(refusal))) expect(refused).toMatchObject(expected);
  });

  it('is changed by administrators and read by anybody', async () => {
    await shop.add('public');
    const customer = await shop.as({ user: { id: 'c', roles: ['customer'] } });
    const create = { productId: 'mine', ...HOLDER };
    expect(await refusal(shop.anybody.createProduct(create))).toMatchObject({ reason: 'TOKEN_REQUIRED' });
    expect(await refusal(customer.createProduct(create))).toMatchObject({ reason: 'NOT_ALLOWED' });
    const update = { productId: 'public', title: 'Mine', price: undefined, expectedVersion: 0n };
    expect(await refusal(customer.updateProduct(update))).toMatchObject({ reason: 'NOT_ALLOWED' });
    expect((await shop.anybody.getProduct({ productId: 'public' })).product?.productId).toBe('public');
  });

  it('tells of each change in an event', async () => {
    await shop.add('told', { stockCode: 'T1', title: 'Told', description: 'long' });
    await shop.add('told', { stockCode: 'T1', title: 'Told', description: 'long' });
    const update = { productId: 'told', description: 'longer', price: price(1n), expectedVersion: 0n };
    await shop.admin.updateProduct(update);
    await shop.admin.updateProduct(update);
    await shop.booted.settle(10_000);
    const events = await shop.booted.bus.query<{ type: string; payload: Buffer }>(
      "SELECT type, payload FROM bus.message WHERE key = 'told' ORDER BY seq",
    );
    expect(events.map(({ type }) => type)).toEqual([
      'weft.catalog.v1.product_created',
      'weft.catalog.v1.product_updated',
    ]);
    const [created, updated] = events.map(({ payload }) => payload) as [Buffer, Buffer];
    const content = { productId: 'told', title: 'Told' };
    expect(ProductCreated.decode(created)).toMatchObject({
      ...content,
      version: 1n,
      stockCode: 'T1',
      price: price(255n),
    });
    expect(ProductUpdated.decode(updated)).toMatchObject({ ...content, version: 2n, price: price(1n) });
  });
});

describe('a batch of products', () => {
  it('comes in the order of the request, without stock', async () => {
    for (const id of ['b1', 'b2', 'b3']) await shop.add(id);
    inventory.stock.set('b1', 7n);
    const orders = await shop.as({ caller: 'orders' });
    const before = inventory.asked.length;
    const { products } = await orders.batchGetProducts({ productIds: ['b3', 'b1', 'b2'] });
    expect(products.map(({ productId, available }) => [productId, available])).toEqual([
      ['b3', undefined],
      ['b1', undefined],
      ['b2', undefined],
    ]);
    expect(inventory.asked).toHaveLength(before);
  });

  it('names the first that is missing', async () => {
    const orders = await shop.as({ caller: 'orders' });
    const refused = await refusal(orders.batchGetProducts({ productIds: ['b1', 'gone-2', 'gone-1'] }));
    expect(refused).toMatchObject({ reason: 'PRODUCT_NOT_FOUND', metadata: { product_id: 'gone-2' } });
  });

  it('is not for everybody', async () => {
    const call = shop.anybody.batchGetProducts({ productIds: ['b1'] });
    expect(await refusal(call)).toMatchObject({ reason: 'TOKEN_REQUIRED' });
  });
});

describe('the list of products', () => {
  const walk = async (pageSize: number) => {
    const seen: Product[] = [];
    for (let pageToken: string | undefined; pageToken !== ''; ) {
      const page = await shop.anybody.listProducts({ pageSize, pageToken: pageToken ?? '' });
      expect(page.products.length).toBeLessThanOrEqual(pageSize || 50);
      seen.push(...page.products);
      pageToken = page.nextPageToken;
    }
    return seen;
  };

  it('has every product once, by id, whatever the size of its pages', async () => {
    for (const id of ['L-2', 'L-10', 'l-1', 'L_1', 'L.1']) await shop.add(id);
    const all = await walk(0);
    const ids = all.map(({ productId }) => productId);
    expect(ids).toEqual([...ids].sort());
    expect(ids).toEqual(expect.arrayContaining(['L-2', 'L-10', 'l-1', 'L_1', 'L.1']));
    for (const size of [1, 3, 1000]) expect(await walk(size)).toEqual(all);
  });

  it('has the live stock of each, asked for once a page', async () => {
    await shop.add('shared-1', { stockCode: 'SHARED' });
    await shop.add('shared-2', { stockCode: 'SHARED' });
    inventory.stock.set('SHARED', 12n);
    const before = inventory.asked.length;
    const products = await walk(1000);
    const available = new Map(products.map((product) => [product.productId, product.available]));
    expect([available.get('shared-1'), available.get('shared-2'), available.get('L-2')]).toEqual([12n, 12n, 0n]);
    expect(inventory.asked).toHaveLength(before + 1);
    inventory.stock.set('SHARED', 11n);
    expect((await shop.anybody.getProduct({ productId: 'shared-1' })).product?.available).toBe(11n);
  });

  it('fits into messages also when the texts are as long as they may be', async () => {
    const description = '😀'.repeat(4000);
    for (let count = 0; count < 300; count++) await shop.add(`long-${count}`, { description });
    const products = await walk(1000);
    expect(products.filter(({ productId }) => productId.startsWith('long-'))).toHaveLength(300);
  });

  it('refuses a page token that it did not give', async () => {
    for (const pageToken of ['nonsense', Buffer.from('["\\u0000"]').toString('base64url')]) {
      const refused = await refusal(shop.anybody.listProducts({ pageSize: 0, pageToken }));
      expect(refused.violations).toMatchObject([{ field: 'page_token', rule: 'PAGE_TOKEN' }]);
    }
  });
});
