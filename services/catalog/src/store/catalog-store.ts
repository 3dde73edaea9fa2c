import { type Database, prepared, type UnitOfWork } from '@weft/kit/store';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { CatalogStore, CatalogTransaction } from '../app/ports.ts';
import type { Product } from '../domain/product.ts';
import { toEvent } from '../events/to-event.ts';
import type { CatalogSchema } from './schema.ts';

const COLUMNS = [
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

type Row = Pick<Selectable<CatalogSchema['product']>, (typeof COLUMNS)[number]>;

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
    async search({ query: text, after, limit }) {
      const wanted = sql<string>`query_of(words(${text}))`.as('wanted');
      let query = read
        // Otherwise it is made anew for every row that is ranked.
        .with(
          (name) => name('asked').materialized(),
          (db) => db.selectNoFrom(wanted),
        )
        .with('found', (db) =>
          db
            .selectFrom(['product', 'asked'])
            .select(COLUMNS)
            .select(sql<number>`ts_rank(search, wanted)::float8`.as('rank'))
            .where(sql<boolean>`search @@ wanted`),
        )
        .selectFrom('found')
        .selectAll()
        .orderBy('rank', 'desc')
        .orderBy('product_id')
        .limit(limit);
      if (after) {
        const { rank, productId } = after;
        query = query.where((is) =>
          is.or([is('rank', '<', rank), is.and([is('rank', '=', rank), is('product_id', '>', productId)])]),
        );
      }
      const rows = await query.execute();
      return rows.map(({ rank, ...row }) => ({ product: toProduct(row), rank }));
    },
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

function toProduct(row: Row): Product {
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
