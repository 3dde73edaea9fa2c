import type { Selectable, ShallowDehydrateObject } from 'kysely';
import type { OrderChange } from '../app/ports.ts';
import { type Address, isSettled, type Order, type OrderLine, type Return } from '../domain/order.ts';
import type { OrdersSchema } from './schema.ts';

type Row<T extends keyof OrdersSchema> = Selectable<OrdersSchema[T]>;

export function toOrder(row: Row<'orders'>, lines: readonly OrderLine[], returns: readonly Return[]): Order {
  return {
    orderId: row.order_id,
    customerId: row.customer_id,
    status: row.status,
    reason: row.reason,
    currency: row.currency,
    deliveryMethod: row.delivery_method,
    lines,
    returns,
    total: row.total,
    refunded: row.refunded,
    payment: row.payment,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

// Lines and returns come as JSON inside of their order's row. Its numbers are exact: the contract bounds them below 2^53.
export type LineJson = ShallowDehydrateObject<Omit<Row<'order_line'>, 'order_id' | 'position'>>;
export type ReturnJson = ShallowDehydrateObject<Omit<Row<'order_return'>, 'order_id'>>;

export function toLine(line: LineJson): OrderLine {
  return {
    productId: line.product_id,
    stockCode: line.stock_code,
    title: line.title,
    quantity: BigInt(line.quantity),
    unitPrice: BigInt(line.unit_price),
    returned: BigInt(line.returned),
  };
}

export function toReturn(one: ReturnJson): Return {
  return {
    returnId: one.return_id,
    status: one.status,
    lines: one.product_ids.map((productId, index) => ({ productId, quantity: BigInt(one.quantities[index] ?? 0) })),
    refund: BigInt(one.refund),
    createdAt: new Date(one.created_at),
    settledAt: one.settled_at === null ? undefined : new Date(one.settled_at),
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
    payment: row.payment,
  };
}

export function orderRow(order: Order): Row<'orders'> {
  const { orderId, customerId, status, reason, currency, deliveryMethod, total, refunded, payment, version } = order;
  return {
    order_id: orderId,
    customer_id: customerId,
    status,
    reason,
    currency,
    delivery_method: deliveryMethod,
    total,
    refunded,
    payment,
    version,
    created_at: order.createdAt,
    updated_at: order.updatedAt,
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

/** The lines of an order, a list a column. */
export function lineColumns({ orderId, lines }: Order) {
  return {
    orderId,
    productIds: lines.map((line) => line.productId),
    stockCodes: lines.map((line) => line.stockCode),
    titles: lines.map((line) => line.title),
    quantities: lines.map((line) => line.quantity),
    unitPrices: lines.map((line) => line.unitPrice),
  };
}

export function changeRow(order: Order): Row<'order_change'> {
  const { orderId, version, status, reason, payment, updatedAt } = order;
  return { order_id: orderId, version, status, reason, payment, settled: isSettled(order), changed_at: updatedAt };
}

export function toAddress(row: Row<'order_delivery'>): Address {
  const { recipient, street, city, postal_code, country_code } = row;
  return { recipient, street, city, postalCode: postal_code, countryCode: country_code };
}

export function addressRow({ orderId, customerId }: Order, address: Address): Row<'order_delivery'> {
  const { recipient, street, city, postalCode, countryCode } = address;
  return {
    order_id: orderId,
    customer_id: customerId,
    recipient,
    street,
    city,
    postal_code: postalCode,
    country_code: countryCode,
  };
}
