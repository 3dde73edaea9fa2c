import * as inventory from '@weft/gen/es/weft/inventory/v1/events_pb';
import * as payments from '@weft/gen/es/weft/payments/v1/events_pb';
import * as shipping from '@weft/gen/es/weft/shipping/v1/events_pb';
import {
  ReservationRejected,
  StockCommitted,
  StockReleased,
  StockRestocked,
} from '@weft/gen/grpc/weft/inventory/v1/events';
import { PaymentDeclined, PaymentRefunded, PaymentVoided } from '@weft/gen/grpc/weft/payments/v1/events';
import { ShipmentCancelled, ShipmentRejected } from '@weft/gen/grpc/weft/shipping/v1/events';
import { type ConsumerDefinition, consumer, defineEvent, type EventType, ofChoreographed, on } from '@weft/kit/events';
import { noteFacts } from '@weft/kit/store';
import { changeOrder } from '../app/change-order.ts';
import { follow, type OrderFacts } from '../domain/choreography.ts';
import { ordersTransaction, type RecentOrders } from '../store/orders-store.ts';
import type { OrdersSchema } from '../store/schema.ts';

const reservationRejected = defineEvent(ReservationRejected, inventory.ReservationRejectedSchema);
const stockReleased = ofChoreographed(defineEvent(StockReleased, inventory.StockReleasedSchema));
const stockCommitted = ofChoreographed(defineEvent(StockCommitted, inventory.StockCommittedSchema));
const stockRestocked = ofChoreographed(defineEvent(StockRestocked, inventory.StockRestockedSchema));
const paymentDeclined = ofChoreographed(defineEvent(PaymentDeclined, payments.PaymentDeclinedSchema));
const paymentVoided = ofChoreographed(defineEvent(PaymentVoided, payments.PaymentVoidedSchema));
const paymentRefunded = ofChoreographed(defineEvent(PaymentRefunded, payments.PaymentRefundedSchema));
const shipmentRejected = ofChoreographed(defineEvent(ShipmentRejected, shipping.ShipmentRejectedSchema));
const shipmentCancelled = ofChoreographed(defineEvent(ShipmentCancelled, shipping.ShipmentCancelledSchema));

/** Reservation, payment, shipment and the restock of a cancelled order have the order's id. */
export function onChoreography(recent: RecentOrders, now: () => Date): ConsumerDefinition<OrdersSchema> {
  const learn = <T>(event: EventType<T>, idOf: (content: T) => string, factOf: (content: T) => OrderFacts) =>
    on<T, OrdersSchema>(event, async (content, tx) => {
      const facts = await noteFacts(tx, idOf(content), factOf(content));
      await changeOrder(ordersTransaction(tx, recent), idOf(content), (order) => follow(facts, order, now()));
    });
  const reservation = ({ reservationId }: { reservationId: string }) => reservationId;
  const payment = ({ paymentId }: { paymentId: string }) => paymentId;
  const shipment = ({ shipmentId }: { shipmentId: string }) => shipmentId;
  return consumer('orders.choreography', [
    learn(reservationRejected, reservation, ({ reason }) => ({ reservationRejected: { reason } })),
    learn(stockReleased, reservation, () => ({ stockReleased: true })),
    learn(stockCommitted, reservation, () => ({ stockCommitted: true })),
    learn(
      stockRestocked,
      ({ restockId }) => restockId,
      () => ({ stockRestocked: true }),
    ),
    learn(paymentDeclined, payment, ({ reason }) => ({ paymentDeclined: { reason } })),
    learn(paymentVoided, payment, ({ reason }) => ({ paymentVoided: { reason } })),
    learn(paymentRefunded, payment, () => ({ paymentRefunded: true })),
    learn(shipmentRejected, shipment, ({ reason }) => ({ shipmentRejected: { reason } })),
    learn(shipmentCancelled, shipment, ({ reason }) => ({ shipmentCancelled: { reason } })),
  ]);
}
