import type { Database, UnitOfWork } from '@weft/kit/store';
import { type Kysely, sql } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { OrdersStore, OrdersTransaction } from '../app/ports.ts';
import { OrderNotFound } from '../domain/failures.ts';
import type { Order } from '../domain/order.ts';
import { toEvent } from '../events/to-event.ts';
import { changeRow, orderRow, returnRow, toChange, toLine, toOrder, toReturn } from './rows.ts';
import type { OrdersSchema } from './schema.ts';

const CHANGES_AT_ONCE = 100;

export function ordersStore(database: Database<OrdersSchema>): OrdersStore {
  const db = database.read;
  return {
    transaction: (work) => database.transaction((tx) => work(ordersTransaction(tx))),
    find: (orderId) => findOrder(db, orderId),
    async list({ customerId, status, before, limit }) {
      let query = db.selectFrom('orders').selectAll().orderBy('order_id', 'desc').limit(limit);
      if (customerId !== undefined) query = query.where('customer_id', '=', customerId);
      if (status !== undefined) query = query.where('status', '=', status);
      if (before !== undefined) query = query.where('order_id', '<', before);
      return (await query.execute()).map((row) => toOrder(row, [], []));
    },
    async changes(orderId, after) {
      const query = db.selectFrom('order_change').selectAll().where('order_id', '=', orderId);
      const rows =
        after === undefined
          ? await query.orderBy('version', 'desc').limit(1).execute()
          : await query.where('version', '>', after).orderBy('version').limit(CHANGES_AT_ONCE).execute();
      return rows.map(toChange);
    },
    async versions(orderIds) {
      const rows = await db
        .selectFrom('orders')
        .select(['order_id', 'version'])
        .where('order_id', '=', sql<string>`any(${orderIds}::uuid[])`)
        .execute();
      return new Map(rows.map((row) => [row.order_id, row.version]));
    },
  };
}

export function ordersTransaction(tx: UnitOfWork<OrdersSchema>): OrdersTransaction {
  const { sql: db } = tx;
  const recordChange = (order: Order) => tx.defer(db.insertInto('order_change').values(changeRow(order)));
  return {
    insert(order, event) {
      tx.defer(db.insertInto('orders').values(orderRow(order)));
      tx.defer(insertLines(order));
      recordChange(order);
      tx.publish(toEvent(order, event));
    },
    async order(orderId) {
      // A statement that waits for a lock still sees lines as they were before it waited: the lock comes first.
      if (tx.attempt > 1)
        await db.selectFrom('orders').select('order_id').where('order_id', '=', orderId).forUpdate().execute();
      const order = await findOrder(db, orderId);
      if (!order) throw new OrderNotFound(orderId);
      return order;
    },
    async save(before, after, event) {
      const { status, reason, refunded, version, updatedAt, orderId } = after;
      tx.defer(
        db
          .updateTable('orders')
          .set({ status, reason, refunded, version, updated_at: updatedAt })
          .where('order_id', '=', orderId)
          .where('version', '=', before.version),
        { rows: 1 },
      );
      if (after.lines !== before.lines) tx.defer(updateReturned(after));
      for (const returned of after.returns.filter((one) => !before.returns.includes(one))) {
        const row = returnRow(orderId, returned);
        const { status: returnStatus, settled_at } = row;
        tx.defer(
          db
            .insertInto('order_return')
            .values(row)
            .onConflict((conflict) => conflict.column('return_id').doUpdateSet({ status: returnStatus, settled_at })),
        );
      }
      recordChange(after);
      tx.publish(toEvent(after, event));
    },
  };

  // One statement whatever the number of lines, so that it is prepared once.
  function insertLines({ orderId, lines }: Order) {
    return sql`INSERT INTO order_line (order_id, position, product_id, stock_code, title, quantity, unit_price, returned)
      SELECT ${orderId}::uuid, line.place, line.product_id, line.stock_code, line.title, line.quantity, line.unit_price, 0
      FROM unnest(
        ${lines.map((line) => line.productId)}::text[], ${lines.map((line) => line.stockCode)}::text[],
        ${lines.map((line) => line.title)}::text[], ${lines.map((line) => line.quantity)}::bigint[],
        ${lines.map((line) => line.unitPrice)}::bigint[]
      ) WITH ORDINALITY AS line(product_id, stock_code, title, quantity, unit_price, place)`
      .$castTo<never>()
      .compile(db);
  }

  function updateReturned({ orderId, lines }: Order) {
    return sql`UPDATE order_line SET returned = line.returned
      FROM unnest(${lines.map((line) => line.productId)}::text[], ${lines.map((line) => line.returned)}::bigint[])
        AS line(product_id, returned)
      WHERE order_id = ${orderId} AND order_line.product_id = line.product_id AND order_line.returned <> line.returned`.compile(
      db,
    );
  }
}

// One statement for an order with everything that belongs to it.
async function findOrder(db: Kysely<OrdersSchema>, orderId: string): Promise<Order | undefined> {
  const row = await db
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
    ])
    .where('order_id', '=', orderId)
    .executeTakeFirst();
  return row && toOrder(row, row.lines.map(toLine), row.returns.map(toReturn));
}
