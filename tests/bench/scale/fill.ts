import pg from 'pg';
import { description, productId, title } from './goods.ts';

export interface Amounts {
  readonly products: number;
  readonly orders: number;
  /** Orders that are under way, each to be watched. */
  readonly streams: number;
}

/** What the services wrote themselves: all other rows are copies of it. */
export interface Model {
  readonly productId: string;
  /** In an end state. */
  readonly orderId: string;
}

export interface Customers {
  /** Whose orders fill pages: one order in 49. */
  readonly pager: string;
  /** Whose orders are under way. */
  readonly watcher: string;
}

const SHARE_OF_PAGER = 49;
const ORDERS_OF_OTHERS = 20;

/** Fills the databases of a server as the services would have done in time. Gives the orders that are under way. */
export async function fill(
  server: string,
  { products, orders, streams }: Amounts,
  model: Model,
  { pager, watcher }: Customers,
): Promise<string[]> {
  await on(server, 'weft_catalog', async (db) => {
    await copyRows(db, 'product', {
      columns: {
        product_id: productId('n'),
        stock_code: productId('n'),
        title: title('n'),
        description: description('n'),
      },
      of: `product_id = '${model.productId}'`,
      // As they come, not in the order of their ids.
      each: `(SELECT n FROM generate_series(0, ${products - 1}) AS n ORDER BY md5(n::text)) AS numbers`,
    });
  });
  await on(server, 'weft_inventory', async (db) => {
    await copyRows(db, 'stock', {
      columns: { stock_code: productId('n') },
      of: `stock_code = '${model.productId}'`,
      each: `generate_series(0, ${products - 1}) AS n`,
    });
  });
  return on(server, 'weft_orders', async (db) => {
    // An order a second until a minute ago.
    await db.query(`
      CREATE TEMP TABLE made AS
      SELECT n, uuidv7((n - ${orders + 60}) * interval '1 second') AS id, n % ${orders / streams} = 1 AS watched,
        now() + (n - ${orders + 60}) * interval '1 second' AS at, CASE
          WHEN n % ${orders / streams} = 1 THEN '${watcher}'
          WHEN n % ${SHARE_OF_PAGER} = 0 THEN '${pager}'
          ELSE md5('customer ' || n % ${orders / ORDERS_OF_OTHERS})
        END::uuid AS customer
      FROM generate_series(1, ${orders}) AS n`);
    const of = `order_id = '${model.orderId}'`;
    await copyRows(db, 'orders', {
      columns: {
        order_id: 'id',
        customer_id: 'customer',
        status: `CASE WHEN watched THEN 'placed' ELSE model.status END`,
        version: 'CASE WHEN watched THEN 1 ELSE model.version END',
        created_at: 'at',
        updated_at: 'at',
      },
      of,
      each: 'made',
    });
    const product = `((n * 7919::bigint + position) % ${products})::int`;
    await copyRows(db, 'order_line', {
      columns: {
        order_id: 'id',
        product_id: productId(product),
        stock_code: productId(product),
        title: title(product),
      },
      of,
      each: 'made',
    });
    await copyRows(db, 'order_change', {
      columns: { order_id: 'id', changed_at: 'at' },
      of: `${of} AND (model.version = 1 OR NOT watched)`,
      each: 'made',
    });
    const { rows } = await db.query<{ id: string }>('SELECT id FROM made WHERE watched');
    return rows.map(({ id }) => id);
  });
}

interface Copies {
  /** What is not as in the model. */
  readonly columns: Readonly<Record<string, string>>;
  readonly of: string;
  readonly each: string;
}

async function copyRows(db: pg.Client, table: string, { columns, of, each }: Copies): Promise<void> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 AND is_generated = 'NEVER'`,
    [table],
  );
  const kept = rows.map(({ name }) => name).filter((name) => !(name in columns));
  await db.query(
    `INSERT INTO ${table} (${[...Object.keys(columns), ...kept]})
     SELECT ${[...Object.values(columns), ...kept.map((name) => `model.${name}`)]} FROM ${table} AS model, ${each} WHERE ${of}`,
  );
}

async function on<T>(server: string, database: string, work: (db: pg.Client) => Promise<T>): Promise<T> {
  const url = new URL(server);
  url.pathname = `/${database}`;
  const db = new pg.Client({ connectionString: url.href });
  await db.connect();
  try {
    // Copies refer to copies: that need not be looked up for each.
    await db.query('SET session_replication_role = replica');
    const done = await work(db);
    await db.query('VACUUM ANALYZE');
    await db.query('CHECKPOINT');
    return done;
  } finally {
    await db.end();
  }
}
