import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort } from '@weft/kit/testing';
import { openShop, type Shop } from './fixture.ts';
import { type InventoryStub, startInventoryStub } from './inventory-stub.ts';

let shop: Shop | undefined;
let inventory: InventoryStub | undefined;

afterEach(async () => {
  await shop?.booted.stop();
  await inventory?.stop();
  shop = inventory = undefined;
});

const warnings = ({ booted }: Shop) => booted.logs.filter(({ level }) => level === 'warn' || level === 'error');

async function readAll({ anybody }: Shop) {
  const [one, listed, found] = await Promise.all([
    anybody.getProduct({ productId: 'p' }),
    anybody.listProducts({ pageSize: 0, pageToken: '' }),
    anybody.searchProducts({ query: 'thing', pageSize: 0, pageToken: '' }),
  ]);
  return [one.product, listed.products[0], found.products[0]];
}

describe('products come without stock, and soon,', () => {
  it('when inventory is away', async () => {
    shop = await openShop(`127.0.0.1:${await freePort()}`);
    await shop.add('p');
    for (const product of await readAll(shop)) expect(product).toMatchObject({ productId: 'p', available: undefined });
    await readAll(shop);
    expect(warnings(shop)).toHaveLength(1);
  });

  it('when inventory takes calls and answers none', async () => {
    inventory = await startInventoryStub();
    shop = await openShop(inventory.target);
    await shop.add('p');
    inventory.stock.set('p', 3n);
    for (const product of await readAll(shop)) expect(product?.available).toBe(3n);
    inventory.hang();
    // Each method's own timeout is two seconds or more: an answer proves that the wait for stock is shorter.
    for (const product of await readAll(shop)) expect(product).toMatchObject({ productId: 'p', available: undefined });
    expect(warnings(shop)).toMatchObject([{ level: 'warn', reason: 'DEADLINE_EXCEEDED' }]);
  });
});
