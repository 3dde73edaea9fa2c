import { type Database, type OutgoingEvent, Recent, type UnitOfWork } from '@weft/kit/store';
import { type Kysely, sql } from 'kysely';
import type { OrdersStore, OrdersTransaction } from '../app/ports.ts';
import { OrderNotFound } from '../domain/failures.ts';
import type { Order, OrderEvent } from '../domain/order.ts';
import { toEvent, toPlacedEvent } from '../events/to-event.ts';
import { eventRow } from './history.ts';
import { addressRow, lineColumns, orderRow, returnRow, toAddress, toChange, toOrder, toStoredOrder } from './rows.ts';
import type { OrdersSchema } from './schema.ts';
import {
  insertAddress,
  insertEvent,
  insertLines,
  insertOrder,
  selectChanges,
  selectLastChange,
  selectOrder,
  updateOrder,
  upsertLines,
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
    async events(orderId, after, limit) {
      const rows = await db
        .selectFrom('order_events')
        .select(['type', 'version', 'status', 'reason', 'payment', 'occurred_at', 'correlation_id'])
        .where('order_id', '=', orderId)
        .where('version', '>', after)
        .orderBy('version')
        .limit(limit)
        .execute();
      return rows.map(({ occurred_at: changedAt, correlation_id: correlationId, ...row }) => {
        return { ...row, changedAt, correlationId };
      });
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
  const record = (order: Order, event: OrderEvent, message: OutgoingEvent) => {
    tx.defer(insertEvent(db, eventRow(order, event, message.headers['correlation-id'] ?? '')));
    tx.publish(message);
    recent.keep(tx, order.orderId, order);
  };
  return {
    insert(order, event, { address, paymentMethodToken }) {
      tx.defer(insertOrder(db, orderRow(order)));
      if (address) tx.defer(insertAddress(db, addressRow(order, address)));
      tx.defer(insertLines(db, lineColumns(order)));
      record(order, event, toPlacedEvent(order, paymentMethodToken));
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
      if (after.lines !== before.lines) tx.defer(upsertLines(db, lineColumns(after, before.lines)));
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
      record(after, event, toEvent(after, event));
    },
  };
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
  return rows[0] && toStoredOrder(rows[0]);
}
