import type { Database, UnitOfWork } from '@weft/kit/store';
import { type Kysely, sql } from 'kysely';
import type { OrderViews, ViewedOrder, ViewsTransaction } from '../app/ports.ts';
import { readHistories } from './history.ts';
import { lineColumns, orderRow, returnRow, toStoredOrder } from './rows.ts';
import type { OrdersSchema } from './schema.ts';
import { selectOrders, upsertLines } from './statements.ts';

type Db = Kysely<OrdersSchema>;

/** The rows of orders, next to the histories that they follow from. */
export function orderViews(database: Database<OrdersSchema>): OrderViews {
  return {
    page: (after, limit) =>
      database.transaction(async ({ sql: db }) => readViews(db, await idsAfter(db, after, limit)), {
        isolation: 'repeatable read',
      }),
    read: (orderIds) =>
      database.transaction(({ sql: db }) => readViews(db, orderIds), { isolation: 'repeatable read' }),
    transaction: (work) => database.transaction((tx) => work(viewsTransaction(tx))),
  };
}

function viewsTransaction({ sql: db, defer }: UnitOfWork<OrdersSchema>): ViewsTransaction {
  return {
    async lock(orderIds) {
      // Of two rebuilds, both of which find no row to lock, one waits here.
      await sql`SELECT pg_advisory_xact_lock(hashtext('orders.rebuild'))`.execute(db);
      await db
        .selectFrom('orders')
        .select('order_id')
        .where('order_id', '=', anyOf(orderIds))
        .orderBy('order_id')
        .forUpdate()
        .execute();
      return readViews(db, orderIds);
    },
    put(order) {
      const { orderId, lines, returns } = order;
      const { order_id, ...columns } = orderRow(order);
      defer(
        db
          .insertInto('orders')
          .values({ order_id, ...columns })
          .onConflict((conflict) => conflict.column('order_id').doUpdateSet(columns)),
      );
      defer(upsertLines(db, lineColumns(order)));
      defer(db.deleteFrom('order_line').where('order_id', '=', orderId).where('position', '>', lines.length));
      for (const returned of returns) {
        const { return_id, ...row } = returnRow(orderId, returned);
        defer(
          db
            .insertInto('order_return')
            .values({ return_id, ...row })
            .onConflict((conflict) => conflict.column('return_id').doUpdateSet(row)),
        );
      }
      const known = returns.map(({ returnId }) => returnId);
      defer(
        db
          .deleteFrom('order_return')
          .where('order_id', '=', orderId)
          .where(sql<boolean>`return_id <> ALL (${known}::uuid[])`),
      );
    },
    remove(orderId) {
      for (const table of ['order_line', 'order_return', 'orders'] as const)
        defer(db.deleteFrom(table).where('order_id', '=', orderId));
    },
  };
}

const anyOf = (orderIds: readonly string[]) => sql<string>`any(${orderIds}::uuid[])`;

/** Of orders that have a history or rows. */
async function idsAfter(db: Db, after: string | undefined, limit: number): Promise<string[]> {
  const first = after ?? '00000000-0000-0000-0000-000000000000';
  const { rows } = await sql<{ order_id: string }>`
    SELECT order_id FROM (
      (SELECT DISTINCT order_id FROM order_events WHERE order_id > ${first} ORDER BY order_id LIMIT ${sql.lit(limit)})
      UNION
      (SELECT order_id FROM orders WHERE order_id > ${first} ORDER BY order_id LIMIT ${sql.lit(limit)})
    ) known ORDER BY order_id LIMIT ${sql.lit(limit)}`.execute(db);
  return rows.map((row) => row.order_id);
}

async function readViews(db: Db, orderIds: readonly string[]): Promise<ViewedOrder[]> {
  const histories = await readHistories(db, orderIds);
  const { rows } = await db.executeQuery(selectOrders(db, { orderIds }));
  const stored = new Map(rows.map((row) => [row.order_id, toStoredOrder(row)]));
  return orderIds.map((orderId) => {
    return { orderId, history: histories.get(orderId) ?? [], stored: stored.get(orderId) };
  });
}
