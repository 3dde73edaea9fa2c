import { type Product, ProductNotFound } from '../domain/product.ts';
import type { CatalogStore } from './ports.ts';

/** Products in the order of their ids. Throws ProductNotFound for the first that is missing. */
export async function findProducts(store: CatalogStore, productIds: readonly string[]): Promise<Product[]> {
  const found = await store.find(productIds);
  return productIds.map((productId) => {
    const product = found.get(productId);
    if (!product) throw new ProductNotFound(productId);
    return product;
  });
}
