import { prepared } from '@weft/kit/store';
import { type Insertable, type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { lineColumns } from './rows.ts';
import type { OrdersSchema } from './schema.ts';

type Db = Kysely<OrdersSchema>;
type Row<T extends keyof OrdersSchema> = Selectable<OrdersSchema[T]>;

const CHANGES_AT_ONCE = 100;

export const insertOrder = prepared((db: Db, row: Row<'orders'>) => db.insertInto('orders').values(row));

export const updateOrder = prepared((db: Db, row: Row<'orders'> & { version_before: bigint }) => {
  const { order_id, status, reason, refunded, payment, version, updated_at, version_before } = row;
  return db
    .updateTable('orders')
    .set({ status, reason, refunded, payment, version, updated_at })
    .where('order_id', '=', order_id)
    .where('version', '=', version_before);
});

export const insertEvent = prepared((db: Db, row: Insertable<OrdersSchema['order_events']>) =>
  db.insertInto('order_events').values(row),
);

// Without what happened: it may be long, and is only read to rebuild orders from it.
const selectChange = (db: Db) =>
  db
    .selectFrom('order_events')
    .select(['order_id', 'version', 'status', 'reason', 'payment', 'settled', 'occurred_at']);

export const selectLastChange = prepared((db: Db, { orderId }: { orderId: string }) =>
  selectChange(db).where('order_id', '=', orderId).orderBy('version', 'desc').limit(1),
);

export const selectChanges = prepared((db: Db, { orderId, after }: { orderId: string; after: bigint }) =>
  selectChange(db)
    .where('order_id', '=', orderId)
    .where('version', '>', after)
    .orderBy('version')
    .limit(CHANGES_AT_ONCE),
);

export const insertAddress = prepared((db: Db, row: Row<'order_delivery'>) => ({
  compile: () =>
    sql`INSERT INTO order_delivery (order_id, customer_id, recipient, street, city, postal_code, country_code)
      SELECT ${row.order_id}::uuid, ${row.customer_id}::uuid, ${row.recipient}, ${row.street}, ${row.city}, ${row.postal_code}, ${row.country_code}
      WHERE NOT EXISTS (SELECT FROM erased_customer WHERE customer_id = ${row.customer_id}::uuid)`.compile(db),
}));

// One statement whatever the number of lines.
const linesInto = (db: Db, lines: ReturnType<typeof lineColumns>, otherwise: RawBuilder<unknown>) => ({
  compile: () =>
    sql`INSERT INTO order_line (order_id, position, product_id, stock_code, title, quantity, unit_price, returned)
      SELECT ${lines.orderId}::uuid, line.position, line.product_id, line.stock_code, line.title, line.quantity, line.unit_price, line.returned
      FROM unnest(
        ${lines.positions}::int[], ${lines.productIds}::text[], ${lines.stockCodes}::text[], ${lines.titles}::text[], ${lines.quantities}::bigint[],
        ${lines.unitPrices}::bigint[], ${lines.returned}::bigint[]
      ) AS line(position, product_id, stock_code, title, quantity, unit_price, returned) ${otherwise}`.compile(db),
});

export const insertLines = prepared((db: Db, lines: ReturnType<typeof lineColumns>) => linesInto(db, lines, sql``));

// Whoever rebuilds an order may have put its lines there since: an update would not see them.
export const upsertLines = prepared((db: Db, lines: ReturnType<typeof lineColumns>) =>
  linesInto(
    db,
    lines,
    sql`ON CONFLICT (order_id, position) DO UPDATE SET
      product_id = excluded.product_id, stock_code = excluded.stock_code, title = excluded.title,
      quantity = excluded.quantity, unit_price = excluded.unit_price, returned = excluded.returned`,
  ),
);

// One statement for an order with everything that belongs to it.
const orderWithAll = (db: Db) =>
  db
    .selectFrom('orders')
    .selectAll('orders')
    .select((from) => [
      jsonArrayFrom(
        from
          .selectFrom('order_line as line')
          .select([
            'line.product_id',
            'line.stock_code',
            'line.title',
            'line.quantity',
            'line.unit_price',
            'line.returned',
          ])
          .whereRef('line.order_id', '=', 'orders.order_id')
          .orderBy('line.position'),
      ).as('lines'),
      jsonArrayFrom(
        from
          .selectFrom('order_return as one')
          .select([
            'one.return_id',
            'one.status',
            'one.product_ids',
            'one.quantities',
            'one.refund',
            'one.created_at',
            'one.settled_at',
          ])
          .whereRef('one.order_id', '=', 'orders.order_id')
          .orderBy('one.created_at')
          .orderBy('one.return_id'),
      ).as('returns'),
    ]);

export const selectOrder = prepared((db: Db, { orderId }: { orderId: string }) =>
  orderWithAll(db).where('order_id', '=', orderId),
);

export const selectOrders = prepared((db: Db, { orderIds }: { orderIds: readonly string[] }) =>
  orderWithAll(db).where('order_id', '=', sql<string>`any(${orderIds}::uuid[])`),
);
