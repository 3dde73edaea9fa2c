import { describe, expect, it } from '@jest/globals';
import { findProducts } from '../src/demo/shelf.ts';
import type { Clients } from '../src/system/clients.ts';

const patience = { limit: 1_000, signal: new AbortController().signal };

/** A catalogue of products with so many pieces each; undefined where inventory has not said. */
function shelf(...available: (bigint | undefined)[]) {
  const products = available.map((pieces, index) => ({ productId: String(index), available: pieces }));
  const catalog = { listProducts: async () => ({ products, nextPageToken: '' }) };
  return { catalog } as unknown as Clients;
}

describe('the demo', () => {
  it('buys what there is enough of', async () => {
    const { products, filled } = await findProducts(shelf(2n, 3n, 0n), undefined, patience);
    expect(products.map(({ productId }) => productId)).toEqual(['1']);
    expect(filled).toBe(false);
  });

  it('buys of what inventory, still starting, cannot tell the stock', async () => {
    const { products } = await findProducts(shelf(undefined), undefined, patience);
    expect(products).toHaveLength(1);
  });

  it('says who can fill an empty shop', async () => {
    await expect(findProducts(shelf(), undefined, patience)).rejects.toThrow('only an administrator can fill it');
  });
});
