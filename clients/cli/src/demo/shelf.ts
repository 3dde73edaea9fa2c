import type { Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { stockShop } from '../importing/stock-shop.ts';
import { CommandFailure } from '../shop/failure.ts';
import { productIdOf } from '../shop/goods.ts';
import type { Clients } from '../system/clients.ts';
import { type Patience, persist } from '../system/patience.ts';
import type { Session } from '../system/session.ts';
import { GIFT_STOCK, GIFTS } from './gifts.ts';

const PAGE = 200;
const MAX_PAGES = 10;
const ENOUGH = 3n;

/**
 * Products with enough pieces to buy some; one whose stock the shop cannot tell at the moment counts. Fills an empty or
 * sold-out shop first, as the administrator.
 */
export async function findProducts(
  clients: Pick<Clients, 'catalog' | 'inventory'>,
  admin: Session | undefined,
  patience: Patience,
): Promise<{ products: Product[]; filled: boolean }> {
  const found = await listInStock(clients.catalog, patience);
  if (found.length > 0) return { products: found, filled: false };
  if (!admin) {
    throw new CommandFailure(
      'the shop has nothing in stock, and only an administrator can fill it: set WEFT_ADMIN_EMAIL and WEFT_ADMIN_PASSWORD',
    );
  }
  const products = GIFTS.map(([stockCode, title, price]) => ({
    productId: productIdOf(stockCode, price),
    stockCode,
    title,
    price,
  }));
  const needed = new Map(products.map(({ stockCode }) => [stockCode, GIFT_STOCK]));
  await stockShop({ products, needed }, clients, admin, 4, () => {});
  return { products: await listInStock(clients.catalog, patience), filled: true };
}

async function listInStock(catalog: Clients['catalog'], patience: Patience): Promise<Product[]> {
  let pageToken = '';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const request = { pageSize: PAGE, pageToken };
    const answer = await persist(patience, () => catalog.listProducts(request));
    const inStock = answer.products.filter(({ available = ENOUGH }) => available >= ENOUGH);
    if (inStock.length > 0 || answer.nextPageToken === '') return inStock;
    pageToken = answer.nextPageToken;
  }
  return [];
}

/** Up to `count` products of different stock codes, in any order. */
export function pickProducts(products: readonly Product[], count: number, draw: () => number): Product[] {
  const byCode = [...new Map(products.map((product) => [product.stockCode, product])).values()];
  const picked: Product[] = [];
  while (picked.length < count && byCode.length > 0) {
    picked.push(...byCode.splice(Math.floor(draw() * byCode.length), 1));
  }
  return picked;
}
