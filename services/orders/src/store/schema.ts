import type { ColumnType } from 'kysely';
import type { DeliveryMethod, OrderStatus, PaymentStatus, SagaStyle } from '../domain/order.ts';

export interface OrdersSchema {
  orders: {
    order_id: string;
    customer_id: string;
    status: OrderStatus;
    reason: string;
    currency: string;
    delivery_method: DeliveryMethod;
    saga_style: SagaStyle;
    total: bigint;
    refunded: bigint;
    payment: PaymentStatus;
    version: bigint;
    created_at: Date;
    updated_at: Date;
  };
  order_delivery: {
    order_id: string;
    customer_id: string;
    recipient: string;
    street: string;
    city: string;
    postal_code: string;
    country_code: string;
  };
  erased_customer: { customer_id: string };
  order_line: {
    order_id: string;
    position: number;
    product_id: string;
    stock_code: string;
    title: string;
    quantity: bigint;
    unit_price: bigint;
    returned: bigint;
  };
  order_return: {
    return_id: string;
    order_id: string;
    status: 'requested' | 'settled';
    product_ids: string[];
    quantities: bigint[];
    refund: bigint;
    created_at: Date;
    settled_at: Date | null;
  };
  order_events: {
    order_id: string;
    version: bigint;
    type: string;
    /** JSON; null of what an older version recorded before there was a history. */
    payload: ColumnType<unknown, string, never>;
    status: OrderStatus;
    reason: string;
    settled: boolean;
    payment: PaymentStatus;
    occurred_at: Date;
    correlation_id: string;
  };
}
