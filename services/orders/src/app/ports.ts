import type { Priced } from '../domain/decisions.ts';
import type { Recorded } from '../domain/history.ts';
import type { Address, FollowingEvent, Order, OrderStatus, PaymentStatus, Placed } from '../domain/order.ts';

/** A product as the catalogue has it now. */
export type CatalogProduct = Omit<Priced, 'quantity'>;

export interface Catalog {
  /** In the order of the ids. Throws NOT_FOUND (PRODUCT_NOT_FOUND) where one is missing. */
  products(productIds: readonly string[]): Promise<CatalogProduct[]>;
}

/** What is not a part of an order, nor of what is known of it for good. */
export interface PlacementSecrets {
  /** Told to who has to authorise the payment, and kept nowhere. */
  readonly paymentMethodToken: string;
  /** Undefined: the customer picks it up. Kept apart, and only while the customer has an account. */
  readonly address: Address | undefined;
}

/** One transaction of orders. */
export interface OrdersTransaction {
  insert(order: Order, event: Placed, secrets: PlacementSecrets): void;
  /** The order as this process last saved it: it may have changed since, which only `save` notices. */
  recent(orderId: string): Order | undefined;
  /** Throws OrderNotFound. */
  order(orderId: string): Promise<Order>;
  /** Saves what a decision changed of an order, with its event. When the order is not as `before` any more, the work runs again. */
  save(before: Order, after: Order, event: FollowingEvent): void;
}

export interface OrderFilter {
  readonly customerId: string | undefined;
  readonly status: OrderStatus | undefined;
  /** Only orders before this one, newest first. */
  readonly before: string | undefined;
  readonly limit: number;
}

/** An order as its history and as its rows tell, both of one moment. */
export interface ViewedOrder {
  readonly orderId: string;
  /** Empty: nothing is known of it. */
  readonly history: readonly Recorded[];
  readonly stored: Order | undefined;
}

export interface ViewsTransaction {
  /** Nobody else changes these orders until the end of the transaction. */
  lock(orderIds: readonly string[]): Promise<ViewedOrder[]>;
  /** Makes an order's rows such. */
  put(order: Order): void;
  remove(orderId: string): void;
}

export interface OrderViews {
  /** Orders after this one by id. */
  page(after: string | undefined, limit: number): Promise<ViewedOrder[]>;
  read(orderIds: readonly string[]): Promise<ViewedOrder[]>;
  transaction<T>(work: (tx: ViewsTransaction) => Promise<T>): Promise<T>;
}

/** A change of an order, as its watchers see it. */
export interface OrderChange {
  readonly orderId: string;
  readonly version: bigint;
  readonly status: OrderStatus;
  readonly reason: string;
  readonly payment: PaymentStatus;
  readonly changedAt: Date;
  /** Nothing was under way after it. */
  readonly settled: boolean;
}

/** What happened to an order, as is told of it. */
export interface OrderEventRecord extends Omit<OrderChange, 'orderId' | 'settled'> {
  readonly type: string;
  readonly correlationId: string;
}

export interface OrdersStore {
  transaction<T>(work: (tx: OrdersTransaction) => Promise<T>): Promise<T>;
  find(orderId: string): Promise<Order | undefined>;
  deliveryAddress(orderId: string): Promise<Address | undefined>;
  /** The customer whose order it is. */
  owner(orderId: string): Promise<string | undefined>;
  /** Without lines and returns. */
  list(filter: OrderFilter): Promise<Order[]>;
  /** What happened after a version, oldest first. */
  events(orderId: string, after: bigint, limit: number): Promise<OrderEventRecord[]>;
  /** Changes after a version, oldest first, at most 100; after undefined only the last one. */
  changes(orderId: string, after: bigint | undefined): Promise<OrderChange[]>;
  /** Of those orders, the ones that exist. */
  versions(orderIds: readonly string[]): Promise<Map<string, bigint>>;
}
