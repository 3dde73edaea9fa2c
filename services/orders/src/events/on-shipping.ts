import * as schema from '@weft/gen/es/weft/shipping/v1/events_pb';
import { ShipmentDispatched } from '@weft/gen/grpc/weft/shipping/v1/events';
import { type ConsumerDefinition, consumer, defineEvent, on } from '@weft/kit/events';
import { changeOrder } from '../app/change-order.ts';
import { complete } from '../domain/decisions.ts';
import { ordersTransaction, type RecentOrders } from '../store/orders-store.ts';
import type { OrdersSchema } from '../store/schema.ts';

const shipmentDispatched = defineEvent(ShipmentDispatched, schema.ShipmentDispatchedSchema);

/** An order is complete when its shipment has left. */
export function onShipping(recent: RecentOrders, now: () => Date): ConsumerDefinition<OrdersSchema> {
  return consumer('orders.shipping', [
    on(shipmentDispatched, async ({ orderId }, tx) => {
      await changeOrder(ordersTransaction(tx, recent), orderId, (order) => complete(order, now()));
    }),
  ]);
}
