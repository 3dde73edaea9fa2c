import type { Selectable } from 'kysely';
import type { Product } from '../domain/product.ts';
import type { CatalogSchema } from './schema.ts';

/** All but what is searched. */
export const COLUMNS = [
  'product_id',
  'stock_code',
  'title',
  'description',
  'currency',
  'minor_units',
  'version',
  'created_at',
  'updated_at',
] as const;

export type Row = Pick<Selectable<CatalogSchema['product']>, (typeof COLUMNS)[number]>;

export function toProduct(row: Row): Product {
  return {
    productId: row.product_id,
    stockCode: row.stock_code,
    title: row.title,
    description: row.description,
    price: { currency: row.currency, minorUnits: row.minor_units },
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
