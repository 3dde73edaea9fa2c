import type { Selectable } from 'kysely';
import type { OrderChange } from '../app/ports.ts';
import { isSettled, type Order, type OrderLine, type Return } from '../domain/order.ts';
import type { OrdersSchema } from './schema.ts';

type Row<T extends keyof OrdersSchema> = Selectable<OrdersSchema[T]>;

export function toOrder(row: Row<'orders'>, lines: readonly OrderLine[], returns: readonly Return[]): Order {
  return {
    orderId: row.order_id,
    customerId: row.customer_id,
    status: row.status,
    reason: row.reason,
    currency: row.currency,
    lines,
    returns,
    total: row.total,
    refunded: row.refunded,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function toLine(row: Row<'order_line'>): OrderLine {
  return {
    productId: row.product_id,
    stockCode: row.stock_code,
    title: row.title,
    quantity: row.quantity,
    unitPrice: row.unit_price,
    returned: row.returned,
  };
}

export function toReturn(row: Row<'order_return'>): Return {
  return {
    returnId: row.return_id,
    status: row.status,
    lines: row.product_ids.map((productId, index) => ({ productId, quantity: row.quantities[index] ?? 0n })),
    refund: row.refund,
    createdAt: row.created_at,
    settledAt: row.settled_at ?? undefined,
  };
}

export function toChange(row: Row<'order_change'>): OrderChange {
  return {
    orderId: row.order_id,
    version: row.version,
    status: row.status,
    reason: row.reason,
    changedAt: row.changed_at,
    settled: row.settled,
  };
}

export function orderRow(order: Order): Row<'orders'> {
  const { orderId, customerId, status, reason, currency, total, refunded, version, createdAt, updatedAt } = order;
  return {
    order_id: orderId,
    customer_id: customerId,
    status,
    reason,
    currency,
    total,
    refunded,
    version,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

export function returnRow(
  orderId: string,
  { returnId, status, lines, refund, createdAt, settledAt }: Return,
): Row<'order_return'> {
  return {
    return_id: returnId,
    order_id: orderId,
    status,
    product_ids: lines.map(({ productId }) => productId),
    quantities: lines.map(({ quantity }) => quantity),
    refund,
    created_at: createdAt,
    settled_at: settledAt ?? null,
  };
}

export function changeRow(order: Order): Row<'order_change'> {
  const { orderId, version, status, reason, updatedAt } = order;
  return { order_id: orderId, version, status, reason, settled: isSettled(order), changed_at: updatedAt };
}
