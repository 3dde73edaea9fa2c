import { type Database, Recent, type UnitOfWork } from '@weft/kit/store';
import { type Kysely, sql } from 'kysely';
import type { OrdersStore, OrdersTransaction } from '../app/ports.ts';
import { OrderNotFound } from '../domain/failures.ts';
import type { Order } from '../domain/order.ts';
import { toEvent, toPlacedEvent } from '../events/to-event.ts';
import {
  addressRow,
  changeRow,
  lineColumns,
  orderRow,
  returnRow,
  toAddress,
  toChange,
  toLine,
  toOrder,
  toReturn,
} from './rows.ts';
import type { OrdersSchema } from './schema.ts';
import {
  insertAddress,
  insertChange,
  insertLines,
  insertOrder,
  selectChanges,
  selectLastChange,
  selectOrder,
  updateOrder,
} from './statements.ts';

/** Orders as this process last saved them. */
export type RecentOrders = Recent<Order>;

export const recentOrders = (): RecentOrders => new Recent(({ lines, returns }) => lines.length + returns.length);

export function ordersStore(database: Database<OrdersSchema>, recent: RecentOrders): OrdersStore {
  const db = database.read;
  return {
    transaction: (work) => database.transaction((tx) => work(ordersTransaction(tx, recent))),
    find: (orderId) => findOrder(db, orderId),
    async deliveryAddress(orderId) {
      const row = await db.selectFrom('order_delivery').selectAll().where('order_id', '=', orderId).executeTakeFirst();
      return row && toAddress(row);
    },
    async owner(orderId) {
      const known = recent.get(orderId);
      if (known) return known.customerId;
      const query = db.selectFrom('orders').select('customer_id').where('order_id', '=', orderId);
      return (await query.executeTakeFirst())?.customer_id;
    },
    async list({ customerId, status, before, limit }) {
      let query = db.selectFrom('orders').selectAll().orderBy('order_id', 'desc').limit(limit);
      if (customerId !== undefined) query = query.where('customer_id', '=', customerId);
      if (status !== undefined) query = query.where('status', '=', status);
      if (before !== undefined) query = query.where('order_id', '<', before);
      return (await query.execute()).map((row) => toOrder(row, [], []));
    },
    async changes(orderId, after) {
      const query = after === undefined ? selectLastChange(db, { orderId }) : selectChanges(db, { orderId, after });
      return (await db.executeQuery(query)).rows.map(toChange);
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

export function ordersTransaction(tx: UnitOfWork<OrdersSchema>, recent: RecentOrders): OrdersTransaction {
  const { sql: db } = tx;
  const remember = (order: Order) => recent.keep(tx, order.orderId, order);
  const recordChange = (order: Order) => tx.defer(insertChange(db, changeRow(order)));
  return {
    insert(order, _event, { address, paymentMethodToken }) {
      tx.defer(insertOrder(db, orderRow(order)));
      if (address) tx.defer(insertAddress(db, addressRow(order, address)));
      tx.defer(insertLines(db, lineColumns(order)));
      recordChange(order);
      tx.publish(toPlacedEvent(order, paymentMethodToken));
      remember(order);
    },
    recent: (orderId) => recent.seenBy(tx, orderId),
    async order(orderId) {
      // A statement that waits for a lock still sees lines as they were before it waited: the lock comes first.
      if (tx.attempt > 1)
        await db.selectFrom('orders').select('order_id').where('order_id', '=', orderId).forUpdate().execute();
      const order = await findOrder(db, orderId);
      if (!order) throw new OrderNotFound(orderId);
      return order;
    },
    save(before, after, event) {
      const { orderId } = after;
      tx.defer(updateOrder(db, { ...orderRow(after), version_before: before.version }), { rows: 1 });
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
      remember(after);
    },
  };

  function updateReturned({ orderId, lines }: Order) {
    return sql`UPDATE order_line SET returned = line.returned
      FROM unnest(${lines.map((line) => line.productId)}::text[], ${lines.map((line) => line.returned)}::bigint[])
        AS line(product_id, returned)
      WHERE order_id = ${orderId} AND order_line.product_id = line.product_id AND order_line.returned <> line.returned`.compile(
      db,
    );
  }
}

/** The addresses of a customer, also those that may come yet. */
export function eraseAddresses({ sql: db, defer }: UnitOfWork<OrdersSchema>, customerId: string): void {
  defer(db.deleteFrom('order_delivery').where('customer_id', '=', customerId));
  defer(
    db
      .insertInto('erased_customer')
      .values({ customer_id: customerId })
      .onConflict((conflict) => conflict.doNothing()),
  );
}

async function findOrder(db: Kysely<OrdersSchema>, orderId: string): Promise<Order | undefined> {
  const { rows } = await db.executeQuery(selectOrder(db, { orderId }));
  return rows[0] && toOrder(rows[0], rows[0].lines.map(toLine), rows[0].returns.map(toReturn));
}
