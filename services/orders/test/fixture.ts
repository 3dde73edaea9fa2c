import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import * as shippingSchema from '@weft/gen/es/weft/shipping/v1/events_pb';
import * as usersSchema from '@weft/gen/es/weft/users/v1/events_pb';
import * as events from '@weft/gen/grpc/weft/orders/v1/events';
import { type Order, OrderStatus, OrdersServiceService, SagaStyle } from '@weft/gen/grpc/weft/orders/v1/orders';
import { ShipmentDispatched } from '@weft/gen/grpc/weft/shipping/v1/events';
import { UserDeleted } from '@weft/gen/grpc/weft/users/v1/events';
import { defineEvent, openPostgresBus } from '@weft/kit/events';
import type { RoleName } from '@weft/kit/rpc';
import { createLogger } from '@weft/kit/telemetry';
import { type As, boot, eventually } from '@weft/kit/testing';
import { toTimestamp } from '@weft/kit/time';
import { orders } from '../src/module.ts';
import { startCatalogStub } from './catalog-stub.ts';

const shipmentDispatched = defineEvent(ShipmentDispatched, shippingSchema.ShipmentDispatchedSchema);
const userDeleted = defineEvent(UserDeleted, usersSchema.UserDeletedSchema);

/** Orders as it runs, next to a stub of the catalogue, with what its tests look at. */
export async function openShop() {
  const catalog = await startCatalogStub();
  const booted = await boot([orders], { targets: { catalog: catalog.target } });
  const logger = createLogger({ level: 'silent', pretty: false });
  const bus = openPostgresBus({ url: booted.bus.url, name: 'test', logger });
  const checkout = await booted.client(OrdersServiceService, OrdersService, { caller: 'checkout' });
  const as = (who: As) => booted.client(OrdersServiceService, OrdersService, who);
  const user = async (role: RoleName) => {
    const id = randomUUID();
    return { id, orders: await as({ user: { id, roles: [role] } }) };
  };
  return {
    booted,
    catalog,
    as,
    user,
    customer: () => user('customer'),
    checkout,
    /** Publishes that the shipment of an order has left, and waits until the order is complete. */
    async dispatch(orderId: string): Promise<Order> {
      const head = { shipmentId: orderId, version: 2n, occurTime: toTimestamp(new Date()) };
      await bus.publish([shipmentDispatched.create({ ...head, orderId, customerId: '', trackingCode: '' })]);
      return eventually(async () => {
        const { order } = await checkout.confirmOrder({ orderId });
        if (order?.status !== OrderStatus.ORDER_STATUS_COMPLETED) throw new Error(`order is ${order?.status}`);
        return order;
      });
    },
    async erase(userId: string): Promise<void> {
      await bus.publish([userDeleted.create({ userId, version: 2n, occurTime: toTimestamp(new Date()) })]);
      await booted.settle(10_000);
    },
    /** Products of the catalogue with these prices; gives their ids. */
    sells(...prices: bigint[]): string[] {
      return prices.map((minorUnits) => {
        const productId = `P-${randomUUID().slice(0, 8)}`;
        catalog.products.set(productId, {
          productId,
          stockCode: `S-${productId}`,
          title: `Title of ${productId}`,
          description: '',
          price: { currencyCode: 'GBP', minorUnits },
          version: 1n,
          createTime: undefined,
          updateTime: undefined,
          available: undefined,
        });
        return productId;
      });
    },
    /** The events of an order on the bus: name and content, in order. */
    async events(orderId: string): Promise<Record<string, unknown>[]> {
      await booted.settle(10_000);
      const published = await booted.bus.query<{ type: string; payload: Buffer }>(
        "SELECT type, payload FROM bus.message WHERE key = $1 AND type LIKE 'weft.orders.%' ORDER BY seq",
        [orderId],
      );
      return published.map(({ type, payload }) => {
        const name = type.slice('weft.orders.v1.'.length);
        return { type: name, ...DECODERS[name]?.decode(payload) };
      });
    },
    async countOrders(customerId: string): Promise<number> {
      const rows = await booted.database('orders').query('SELECT FROM orders WHERE customer_id = $1', [customerId]);
      return rows.length;
    },
    async stop() {
      await bus.close();
      await booted.stop();
      await catalog.stop();
    },
  };
}

export type Shop = Awaited<ReturnType<typeof openShop>>;
export type Customer = Awaited<ReturnType<Shop['customer']>>;

const DECODERS: Readonly<Record<string, { decode(bytes: Uint8Array): object }>> = {
  order_placed: events.OrderPlaced,
  order_confirmed: events.OrderConfirmed,
  order_completed: events.OrderCompleted,
  order_rejected: events.OrderRejected,
  order_cancelled: events.OrderCancelled,
  order_cancellation_requested: events.OrderCancellationRequested,
  return_requested: events.ReturnRequested,
  return_settled: events.ReturnSettled,
};

export const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });

export const orderOf = (...lines: (readonly [productId: string, quantity: bigint])[]) => ({
  idempotencyKey: randomUUID(),
  customerId: '',
  lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
  paymentMethodToken: 'tok_approved',
  deliveryAddress: undefined,
  sagaStyle: SagaStyle.SAGA_STYLE_UNSPECIFIED as SagaStyle,
});

/** Places an order and gives it as it was stored. */
export async function place(customer: Customer, ...lines: (readonly [productId: string, quantity: bigint])[]) {
  const { order } = await customer.orders.placeOrder(orderOf(...lines));
  return order as Order;
}

/** What a call throws: the status code and the stable reason. */
export const failure = (code: number, reason: string, metadata?: Record<string, string>) =>
  expect.objectContaining({ code, reason, ...(metadata && { metadata }) });
