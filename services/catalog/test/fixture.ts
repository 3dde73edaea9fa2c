import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService, type Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import type { ClientOf } from '@weft/kit/rpc';
import { type As, type Booted, boot } from '@weft/kit/testing';
import { catalog } from '../src/module.ts';

export type Catalog = ClientOf<typeof CatalogServiceService>;

export interface Shop {
  readonly booted: Booted;
  readonly anybody: Catalog;
  readonly admin: Catalog;
  as(as: As): Promise<Catalog>;
  /** Adds a product; what is not given is the same for all. */
  add(productId: string, content?: Partial<Pick<Product, 'stockCode' | 'title' | 'description'>>): Promise<Product>;
}

export const price = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });

export async function openShop(inventory: string): Promise<Shop> {
  const booted = await boot([catalog], { targets: { inventory } });
  const as = (who: As) => booted.client(CatalogServiceService, CatalogService, who);
  const admin = await as({ user: { id: 'boss', roles: ['admin'] } });
  return {
    booted,
    anybody: await as({}),
    admin,
    as,
    async add(productId, content = {}) {
      const rest = { stockCode: productId, title: 'Thing', description: '', ...content };
      const { product } = await admin.createProduct({ productId, ...rest, price: price(255n) });
      return product as Product;
    },
  };
}
