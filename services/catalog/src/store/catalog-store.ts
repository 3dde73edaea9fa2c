import { type Database, prepared, type UnitOfWork } from '@weft/kit/store';
import { type Kysely, sql } from 'kysely';
import type { CatalogStore, CatalogTransaction } from '../app/ports.ts';
import type { Product } from '../domain/product.ts';
import { toEvent } from '../events/to-event.ts';
import { COLUMNS, toProduct } from './rows.ts';
import type { CatalogSchema } from './schema.ts';
import { searchProducts } from './search.ts';

const findProducts = prepared((db: Kysely<CatalogSchema>, { productIds }: { productIds: readonly string[] }) =>
  db.selectFrom('product').select(COLUMNS).where('product_id', '=', sql<string>`any(${productIds}::text[])`),
);

export function catalogStore(database: Database<CatalogSchema>): CatalogStore {
  const { read } = database;
  return {
    transaction: (work) => database.transaction((tx) => work(catalogTransaction(tx))),
    async find(productIds) {
      const { rows } = await read.executeQuery(findProducts(read, { productIds }));
      return new Map(rows.map((row) => [row.product_id, toProduct(row)]));
    },
    async list({ after, limit }) {
      let query = read.selectFrom('product').select(COLUMNS).orderBy('product_id').limit(limit);
      if (after !== undefined) query = query.where('product_id', '>', after);
      return (await query.execute()).map(toProduct);
    },
    search: (search) => searchProducts(read, search),
  };
}

function catalogTransaction({ sql: db, publish }: UnitOfWork<CatalogSchema>): CatalogTransaction {
  return {
    async insert({ productId, stockCode, createdAt, ...product }) {
      const inserted = await db
        .insertInto('product')
        .values({ product_id: productId, stock_code: stockCode, created_at: createdAt, ...changing(product) })
        .onConflict((conflict) => conflict.doNothing())
        .returning('product_id')
        .executeTakeFirst();
      return inserted !== undefined;
    },
    async product(productId) {
      const row = await db
        .selectFrom('product')
        .select(COLUMNS)
        .where('product_id', '=', productId)
        .forUpdate()
        .executeTakeFirst();
      return row && toProduct(row);
    },
    async save({ productId, ...product }) {
      await db.updateTable('product').set(changing(product)).where('product_id', '=', productId).execute();
    },
    publish: (event) => publish(toEvent(event)),
  };
}

type Changing = Pick<Product, 'title' | 'description' | 'price' | 'version' | 'updatedAt'>;

function changing({ title, description, price, version, updatedAt }: Changing) {
  return {
    title,
    description,
    currency: price.currency,
    minor_units: price.minorUnits,
    version,
    updated_at: updatedAt,
  };
}
