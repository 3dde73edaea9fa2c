import { assertSameProduct, newProduct, type Product, type ProductContent } from '../domain/product.ts';
import type { CatalogStore } from './ports.ts';

/** Adds a product, once for its id. */
export function createProduct(
  store: CatalogStore,
  productId: string,
  content: ProductContent,
  now: Date,
): Promise<Product> {
  return store.transaction(async (tx) => {
    const product = newProduct(productId, content, now);
    if (!(await tx.insert(product))) {
      const standing = (await tx.product(productId)) as Product;
      assertSameProduct(standing, content);
      return standing;
    }
    tx.publish({ type: 'created', product });
    return product;
  });
}
