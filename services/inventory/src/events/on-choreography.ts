import * as ordersSchema from '@weft/gen/es/weft/orders/v1/events_pb';
import * as paymentsSchema from '@weft/gen/es/weft/payments/v1/events_pb';
import { type EventLine, OrderPlaced } from '@weft/gen/grpc/weft/orders/v1/events';
import {
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentVoided,
} from '@weft/gen/grpc/weft/payments/v1/events';
import { type ConsumerDefinition, consumer, defineEvent, type EventType, ofChoreographed, on } from '@weft/kit/events';
import { takePart } from '../app/take-part.ts';
import type { PartFacts } from '../domain/part.ts';
import type { StockLine } from '../domain/reservation.ts';
import { partTransaction, type RecentReservations } from '../store/inventory-store.ts';
import type { InventorySchema } from '../store/schema.ts';

const orderPlaced = ofChoreographed(defineEvent(OrderPlaced, ordersSchema.OrderPlacedSchema));
const paymentCaptured = ofChoreographed(defineEvent(PaymentCaptured, paymentsSchema.PaymentCapturedSchema));
const paymentDeclined = ofChoreographed(defineEvent(PaymentDeclined, paymentsSchema.PaymentDeclinedSchema));
const paymentVoided = ofChoreographed(defineEvent(PaymentVoided, paymentsSchema.PaymentVoidedSchema));
const paymentRefunded = ofChoreographed(defineEvent(PaymentRefunded, paymentsSchema.PaymentRefundedSchema));

/** Reservation, payment and order have the same id. */
export function onChoreography(recent: RecentReservations, now: () => Date): ConsumerDefinition<InventorySchema> {
  const paid = <T extends { paymentId: string }>(event: EventType<T>, fact: PartFacts) =>
    on<T, InventorySchema>(event, ({ paymentId }, tx) =>
      takePart(partTransaction(tx, recent), paymentId, fact, [], now()),
    );
  return consumer('inventory.choreography', [
    on(orderPlaced, ({ orderId, lines }, tx) =>
      takePart(partTransaction(tx, recent), orderId, { placed: true }, byStockCode(lines), now()),
    ),
    paid(paymentCaptured, { captured: true }),
    paid(paymentDeclined, { unpaid: true }),
    paid(paymentVoided, { unpaid: true }),
    paid(paymentRefunded, { refunded: true }),
  ]);
}

/** Pieces by stock code: several products of an order may be sold from one stock. */
function byStockCode(lines: readonly EventLine[]): StockLine[] {
  const sums = new Map<string, bigint>();
  for (const { stockCode, quantity } of lines) sums.set(stockCode, (sums.get(stockCode) ?? 0n) + quantity);
  return [...sums].map(([stockCode, quantity]) => ({ stockCode, quantity }));
}
