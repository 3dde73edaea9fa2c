import * as inventory from '@weft/gen/es/weft/inventory/v1/events_pb';
import * as orders from '@weft/gen/es/weft/orders/v1/events_pb';
import * as shipping from '@weft/gen/es/weft/shipping/v1/events_pb';
import { ReservationRejected, StockReserved } from '@weft/gen/grpc/weft/inventory/v1/events';
import { OrderCancellationRequested, OrderPlaced } from '@weft/gen/grpc/weft/orders/v1/events';
import { ShipmentCancelled, ShipmentCreated, ShipmentRejected } from '@weft/gen/grpc/weft/shipping/v1/events';
import { contextHeaders } from '@weft/kit/context';
import { type ConsumerDefinition, consumer, defineEvent, type EventType, ofChoreographed, on } from '@weft/kit/events';
import { noteDueFacts } from '@weft/kit/store';
import type { PartFacts } from '../domain/part.ts';
import type { PaymentsSchema } from '../store/schema.ts';

const orderPlaced = ofChoreographed(defineEvent(OrderPlaced, orders.OrderPlacedSchema));
const cancellationRequested = ofChoreographed(
  defineEvent(OrderCancellationRequested, orders.OrderCancellationRequestedSchema),
);
const reservationRejected = defineEvent(ReservationRejected, inventory.ReservationRejectedSchema);
const stockReserved = ofChoreographed(defineEvent(StockReserved, inventory.StockReservedSchema));
const shipmentCreated = ofChoreographed(defineEvent(ShipmentCreated, shipping.ShipmentCreatedSchema));
const shipmentRejected = ofChoreographed(defineEvent(ShipmentRejected, shipping.ShipmentRejectedSchema));
const shipmentCancelled = ofChoreographed(defineEvent(ShipmentCancelled, shipping.ShipmentCancelledSchema));

/**
 * What payments has to know of choreographed orders. Reservation, shipment and order have the same id.
 * @param wake has a worker act on it, which may call the provider
 */
export function onChoreography(wake: () => void, now: () => Date): ConsumerDefinition<PaymentsSchema> {
  const learn = <T>(event: EventType<T>, read: (content: T) => { orderId: string; facts: PartFacts }) =>
    on<T, PaymentsSchema>(event, async (content, tx) => {
      const { orderId, facts } = read(content);
      noteDueFacts(tx, orderId, { ...facts, headers: contextHeaders() }, now());
      tx.onCommit(wake);
    });
  return consumer('payments.choreography', [
    learn(orderPlaced, ({ orderId, customerId, total, paymentMethodToken: token }) => {
      const { currencyCode = '', minorUnits = 0n } = total ?? {};
      return { orderId, facts: { placed: { customerId, currencyCode, minorUnits: String(minorUnits), token } } };
    }),
    learn(cancellationRequested, ({ orderId }) => ({ orderId, facts: { cancelled: true } })),
    learn(stockReserved, ({ reservationId }) => ({ orderId: reservationId, facts: { reserved: true } })),
    learn(reservationRejected, ({ reservationId }) => ({ orderId: reservationId, facts: { notReserved: true } })),
    learn(shipmentCreated, ({ shipmentId }) => ({ orderId: shipmentId, facts: { shipped: true } })),
    learn(shipmentRejected, ({ shipmentId }) => ({ orderId: shipmentId, facts: { notShipped: true } })),
    learn(shipmentCancelled, ({ shipmentId }) => ({ orderId: shipmentId, facts: { notShipped: true } })),
  ]);
}
