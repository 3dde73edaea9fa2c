import { changeProduct, type Product, type ProductChange, ProductNotFound } from '../domain/product.ts';
import type { CatalogStore } from './ports.ts';

/** Changes the fields that are set, if the product is at the expected version. */
export function updateProduct(
  store: CatalogStore,
  productId: string,
  wanted: ProductChange,
  expectedVersion: bigint,
  now: Date,
): Promise<Product> {
  return store.transaction(async (tx) => {
    const standing = await tx.product(productId);
    if (!standing) throw new ProductNotFound(productId);
    const product = changeProduct(standing, wanted, expectedVersion, now);
    if (product === standing) return standing;
    await tx.save(product);
    tx.publish({ type: 'updated', product });
    return product;
  });
}
