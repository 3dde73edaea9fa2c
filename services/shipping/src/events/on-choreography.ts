import * as inventory from '@weft/gen/es/weft/inventory/v1/events_pb';
import * as orders from '@weft/gen/es/weft/orders/v1/events_pb';
import * as payments from '@weft/gen/es/weft/payments/v1/events_pb';
import { ReservationRejected } from '@weft/gen/grpc/weft/inventory/v1/events';
import { type EventLine, OrderCancellationRequested, OrderPlaced } from '@weft/gen/grpc/weft/orders/v1/events';
import { DeliveryMethod } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentAuthorized, PaymentDeclined, PaymentVoided } from '@weft/gen/grpc/weft/payments/v1/events';
import { contextHeaders } from '@weft/kit/context';
import { type ConsumerDefinition, consumer, defineEvent, type EventType, ofChoreographed, on } from '@weft/kit/events';
import { noteDueFacts } from '@weft/kit/store';
import type { PartFacts } from '../domain/part.ts';
import type { ShippingSchema } from '../store/schema.ts';

const orderPlaced = ofChoreographed(defineEvent(OrderPlaced, orders.OrderPlacedSchema));
const cancellationRequested = ofChoreographed(
  defineEvent(OrderCancellationRequested, orders.OrderCancellationRequestedSchema),
);
const reservationRejected = defineEvent(ReservationRejected, inventory.ReservationRejectedSchema);
const paymentDeclined = ofChoreographed(defineEvent(PaymentDeclined, payments.PaymentDeclinedSchema));
const paymentVoided = ofChoreographed(defineEvent(PaymentVoided, payments.PaymentVoidedSchema));
const paymentAuthorized = ofChoreographed(defineEvent(PaymentAuthorized, payments.PaymentAuthorizedSchema));

/**
 * What shipping has to know of choreographed orders. Payment and order have the same id.
 * @param wake has a worker act on it, which may call the carrier
 */
export function onChoreography(wake: () => void, now: () => Date): ConsumerDefinition<ShippingSchema> {
  const learn = <T>(event: EventType<T>, read: (content: T) => { orderId: string; facts: PartFacts }) =>
    on<T, ShippingSchema>(event, async (content, tx) => {
      const { orderId, facts } = read(content);
      noteDueFacts(tx, orderId, { ...facts, headers: contextHeaders() }, now());
      tx.onCommit(wake);
    });
  return consumer('shipping.choreography', [
    learn(orderPlaced, ({ orderId, customerId, lines, deliveryMethod }) => {
      const delivered = deliveryMethod === DeliveryMethod.DELIVERY_METHOD_ADDRESS;
      return { orderId, facts: { placed: { customerId, lines: byStockCode(lines), delivered } } };
    }),
    learn(cancellationRequested, ({ orderId }) => ({ orderId, facts: { cancelled: true } })),
    learn(paymentAuthorized, ({ paymentId }) => ({ orderId: paymentId, facts: { authorized: true } })),
    learn(reservationRejected, ({ reservationId }) => ({ orderId: reservationId, facts: { unpaid: true } })),
    learn(paymentDeclined, ({ paymentId }) => ({ orderId: paymentId, facts: { unpaid: true } })),
    learn(paymentVoided, ({ paymentId }) => ({ orderId: paymentId, facts: { unpaid: true } })),
  ]);
}

/** Pieces by stock code: several products of an order may be sold from one stock. */
function byStockCode(lines: readonly EventLine[]): { stockCode: string; quantity: string }[] {
  const sums = new Map<string, bigint>();
  for (const { stockCode, quantity } of lines) sums.set(stockCode, (sums.get(stockCode) ?? 0n) + quantity);
  return [...sums].map(([stockCode, quantity]) => ({ stockCode, quantity: String(quantity) }));
}
