import type { Product } from '../domain/product.ts';
import type { Stock } from './ports.ts';

/** A product and how many pieces of it can be sold now; undefined when that is not known. */
export interface Offer {
  readonly product: Product;
  readonly available: bigint | undefined;
}

/** Products with their live stock, asked for once however many there are. */
export async function withStock(stock: Stock, products: readonly Product[]): Promise<Offer[]> {
  if (products.length === 0) return [];
  const available = await stock.available([...new Set(products.map(({ stockCode }) => stockCode))]);
  return products.map((product) => ({ product, available: available.get(product.stockCode) }));
}
