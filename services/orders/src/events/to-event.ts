import * as schema from '@weft/gen/es/weft/orders/v1/events_pb';
import {
  type EventLine as EventLineMessage,
  OrderCancellationRequested,
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
  ReturnRequested,
  ReturnSettled,
} from '@weft/gen/grpc/weft/orders/v1/events';
import { defineEvent, eventsOf } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { EventLine, Order, OrderEvent } from '../domain/order.ts';
import { DELIVERY_METHOD } from '../transport/messages.ts';

export const published = eventsOf(schema.file_weft_orders_v1_events);

const orderPlaced = defineEvent(OrderPlaced, schema.OrderPlacedSchema);
const orderConfirmed = defineEvent(OrderConfirmed, schema.OrderConfirmedSchema);
const orderCompleted = defineEvent(OrderCompleted, schema.OrderCompletedSchema);
const orderRejected = defineEvent(OrderRejected, schema.OrderRejectedSchema);
const orderCancelled = defineEvent(OrderCancelled, schema.OrderCancelledSchema);
const cancellationRequested = defineEvent(OrderCancellationRequested, schema.OrderCancellationRequestedSchema);
const returnRequested = defineEvent(ReturnRequested, schema.ReturnRequestedSchema);
const returnSettled = defineEvent(ReturnSettled, schema.ReturnSettledSchema);

/** The contract's event for what happened to an order, which is as it was after it. */
export function toEvent(order: Order, event: OrderEvent): OutgoingEvent {
  const { orderId, version, customerId, reason, updatedAt } = order;
  const head = { orderId, version, occurTime: toTimestamp(updatedAt) };
  const money = (minorUnits: bigint) => ({ currencyCode: order.currency, minorUnits });
  switch (event.type) {
    case 'placed': {
      const { paymentMethodToken } = event;
      return orderPlaced.create({
        ...head,
        customerId,
        lines: copy(order.lines),
        total: money(order.total),
        paymentMethodToken,
        deliveryMethod: DELIVERY_METHOD[order.deliveryMethod],
      });
    }
    case 'confirmed':
      return orderConfirmed.create({ ...head, customerId });
    case 'completed':
      return orderCompleted.create({ ...head, customerId });
    case 'rejected':
      return orderRejected.create({ ...head, customerId, reason });
    case 'cancelled':
      return orderCancelled.create({ ...head, customerId });
    case 'cancellation-requested':
      return cancellationRequested.create({
        ...head,
        customerId,
        lines: copy(event.lines),
        refund: money(event.refund),
      });
    case 'return-requested': {
      const { returnId, refund } = event.returned;
      return returnRequested.create({ ...head, customerId, returnId, lines: copy(event.lines), refund: money(refund) });
    }
    case 'return-settled': {
      const { returnId, refund } = event.returned;
      return returnSettled.create({ ...head, returnId, refund: money(refund) });
    }
  }
}

function copy(lines: readonly EventLine[]): EventLineMessage[] {
  return lines.map(({ productId, stockCode, quantity }) => ({ productId, stockCode, quantity }));
}
