import type { Selectable, ShallowDehydrateObject } from 'kysely';
import type { OrderChange } from '../app/ports.ts';
import type { Address, Order, OrderLine, Return } from '../domain/order.ts';
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
    sagaStyle: row.saga_style,
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
export type OrderJson = ShallowDehydrateObject<Row<'orders'>>;
export type LineJson = ShallowDehydrateObject<Omit<Row<'order_line'>, 'order_id' | 'position'>>;
export type ReturnJson = ShallowDehydrateObject<Omit<Row<'order_return'>, 'order_id'>>;

export function toOrderRow(order: OrderJson): Row<'orders'> {
  return {
    ...order,
    // Imported before there were styles.
    saga_style: order.saga_style ?? 'orchestrated',
    total: BigInt(order.total),
    refunded: BigInt(order.refunded),
    version: BigInt(order.version),
    created_at: new Date(order.created_at),
    updated_at: new Date(order.updated_at),
  };
}

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

/** An order with everything that belongs to it. */
export function toStoredOrder(row: Row<'orders'> & { lines: LineJson[]; returns: ReturnJson[] }): Order {
  return toOrder(row, row.lines.map(toLine), row.returns.map(toReturn));
}

export function toChange(row: Omit<Row<'order_events'>, 'type' | 'payload' | 'correlation_id'>): OrderChange {
  return {
    orderId: row.order_id,
    version: row.version,
    status: row.status,
    reason: row.reason,
    changedAt: row.occurred_at,
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
    saga_style: order.sagaStyle,
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

/** The lines of an order, a list a column; without those that are as they were before. */
export function lineColumns({ orderId, lines }: Order, before: readonly OrderLine[] = []) {
  const written = lines
    .map((line, index) => ({ line, position: index + 1 }))
    .filter(({ line, position }) => line.returned !== before[position - 1]?.returned);
  return {
    orderId,
    positions: written.map(({ position }) => position),
    productIds: written.map(({ line }) => line.productId),
    stockCodes: written.map(({ line }) => line.stockCode),
    titles: written.map(({ line }) => line.title),
    quantities: written.map(({ line }) => line.quantity),
    unitPrices: written.map(({ line }) => line.unitPrice),
    returned: written.map(({ line }) => line.returned),
  };
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
