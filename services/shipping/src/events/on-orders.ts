import * as schema from '@weft/gen/es/weft/orders/v1/events_pb';
import { OrderConfirmed } from '@weft/gen/grpc/weft/orders/v1/events';
import { contextHeaders } from '@weft/kit/context';
import { type ConsumerDefinition, consumer, defineEvent, on } from '@weft/kit/events';
import { releaseShipment } from '../app/dispatch.ts';
import type { ShippingSchema } from '../store/schema.ts';
import { type RecentShipments, shippingTransaction } from '../store/shipping-store.ts';

const orderConfirmed = defineEvent(OrderConfirmed, schema.OrderConfirmedSchema);

/** The shipment of an order has the order's id. */
export function onOrders(recent: RecentShipments, now: () => Date): ConsumerDefinition<ShippingSchema> {
  return consumer('shipping.orders', [
    on(orderConfirmed, async ({ orderId }, tx) =>
      releaseShipment(shippingTransaction(tx, recent), orderId, now(), contextHeaders()),
    ),
  ]);
}
