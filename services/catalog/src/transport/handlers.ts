import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import type { Money } from '@weft/gen/grpc/weft/common/v1/money';
import { decodePageToken, pageOf, pageSize } from '@weft/kit/paging';
import { type ServiceBinding, serveService } from '@weft/kit/rpc';
import { createProduct } from '../app/create-product.ts';
import { findProducts } from '../app/find-products.ts';
import type { CatalogStore, Match, MatchPosition, Stock } from '../app/ports.ts';
import { updateProduct } from '../app/update-product.ts';
import { withStock } from '../app/with-stock.ts';
import type { Product } from '../domain/product.ts';
import { fromMoney, toProduct } from './messages.ts';

export interface CatalogApp {
  readonly store: CatalogStore;
  readonly stock: Stock;
  readonly now: () => Date;
}

export function catalogHandlers({ store, stock, now }: CatalogApp): ServiceBinding {
  const unasked = (product: Product) => toProduct({ product, available: undefined });
  const offers = async (products: readonly Product[]) => (await withStock(stock, products)).map(toProduct);
  return serveService(CatalogServiceService, CatalogService, {
    createProduct: async ({ productId, price, ...content }) => {
      // The contract requires a price.
      const product = { ...content, price: fromMoney(price as Money) };
      return { product: unasked(await createProduct(store, productId, product, now())) };
    },
    updateProduct: async ({ productId, title, description, price, expectedVersion }) => {
      const wanted = { title, description, price: price && fromMoney(price) };
      return { product: unasked(await updateProduct(store, productId, wanted, expectedVersion, now())) };
    },
    getProduct: async ({ productId }) => {
      const [product] = await offers(await findProducts(store, [productId]));
      return { product };
    },
    batchGetProducts: async ({ productIds }) => ({ products: (await findProducts(store, productIds)).map(unasked) }),
    listProducts: async ({ pageSize: requested, pageToken }) => {
      const size = pageSize(requested, 50);
      const [after] = pageToken === '' ? [] : decodePageToken(pageToken, [PRODUCT_ID]);
      const found = await store.list({ after, limit: size + 1 });
      const page = pageOf(found, { size, position: ({ productId }) => [productId], bytes });
      return { products: await offers(page.items), nextPageToken: page.nextPageToken };
    },
    searchProducts: async ({ query, pageSize: requested, pageToken }) => {
      const size = pageSize(requested, 20);
      const found = await store.search({ query, after: toPosition(pageToken), limit: size + 1 });
      const position = ({ rank, product }: Match) => [String(rank), product.productId];
      const page = pageOf(found, { size, position, bytes: ({ product }) => bytes(product) });
      return { products: await offers(page.items.map(({ product }) => product)), nextPageToken: page.nextPageToken };
    },
  });
}

const PRODUCT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const RANK = /^\d(\.\d{1,20})?(e-\d{1,3})?$/;

function toPosition(pageToken: string): MatchPosition | undefined {
  if (pageToken === '') return undefined;
  const [rank, productId] = decodePageToken(pageToken, [RANK, PRODUCT_ID]) as [string, string];
  return { rank: Number(rank), productId };
}

const bytes = ({ title, description }: Product) => 400 + Buffer.byteLength(title) + Buffer.byteLength(description);
