import * as schema from '@weft/gen/es/weft/orders/v1/events_pb';
import {
  type EventLine,
  OrderCancellationRequested,
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
  ReturnRequested,
  ReturnSettled,
} from '@weft/gen/grpc/weft/orders/v1/events';
import { defineEvent, type EventType, eventsOf, ofChoreographed } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { FollowingEvent, Order, OrderLine, Return } from '../domain/order.ts';
import { DELIVERY_METHOD, SAGA_STYLE } from '../transport/messages.ts';

export const published = eventsOf(schema.file_weft_orders_v1_events);

const orderPlaced = defineEvent(OrderPlaced, schema.OrderPlacedSchema);
const orderConfirmed = defineEvent(OrderConfirmed, schema.OrderConfirmedSchema);
const orderCompleted = defineEvent(OrderCompleted, schema.OrderCompletedSchema);
const orderRejected = defineEvent(OrderRejected, schema.OrderRejectedSchema);
const orderCancelled = defineEvent(OrderCancelled, schema.OrderCancelledSchema);
const cancellationRequested = defineEvent(OrderCancellationRequested, schema.OrderCancellationRequestedSchema);
const returnRequested = defineEvent(ReturnRequested, schema.ReturnRequestedSchema);
const returnSettled = defineEvent(ReturnSettled, schema.ReturnSettledSchema);

const styled = <T>({ sagaStyle }: Order, type: EventType<T>) =>
  sagaStyle === 'choreographed' ? ofChoreographed(type) : type;

/** The contract's event for the placement of an order, which alone knows how it is paid. */
export function toPlacedEvent(order: Order, paymentMethodToken: string): OutgoingEvent {
  return styled(order, orderPlaced).create({
    ...headOf(order),
    customerId: order.customerId,
    lines: copy(order.lines),
    total: money(order, order.total),
    paymentMethodToken,
    deliveryMethod: DELIVERY_METHOD[order.deliveryMethod],
    sagaStyle: SAGA_STYLE[order.sagaStyle],
  });
}

/** The contract's event for what happened to an order, which is as it was after it. */
export function toEvent(order: Order, event: FollowingEvent): OutgoingEvent {
  const { customerId, reason } = order;
  const head = headOf(order);
  switch (event.type) {
    case 'confirmed':
      return orderConfirmed.create({ ...head, customerId });
    case 'completed':
      return orderCompleted.create({ ...head, customerId });
    case 'rejected':
      return orderRejected.create({ ...head, customerId, reason });
    case 'cancelled':
      return orderCancelled.create({ ...head, customerId });
    case 'cancellation-requested': {
      const lines = copy(order.lines);
      const event = styled(order, cancellationRequested);
      return event.create({ ...head, customerId, lines, refund: money(order, order.total) });
    }
    case 'return-requested': {
      const { returnId, refund } = event;
      const stockCodes = new Map(order.lines.map((line) => [line.productId, line.stockCode]));
      const lines = event.lines.map((line) => ({ ...line, stockCode: stockCodes.get(line.productId) ?? '' }));
      return returnRequested.create({
        ...head,
        customerId,
        returnId,
        lines: copy(lines),
        refund: money(order, refund),
      });
    }
    case 'return-settled': {
      const { returnId, refund } = order.returns.find((one) => one.returnId === event.returnId) as Return;
      return returnSettled.create({ ...head, returnId, refund: money(order, refund) });
    }
  }
}

function headOf({ orderId, version, updatedAt }: Order) {
  return { orderId, version, occurTime: toTimestamp(updatedAt) };
}

function money({ currency }: Order, minorUnits: bigint) {
  return { currencyCode: currency, minorUnits };
}

function copy(lines: readonly Omit<OrderLine, 'title' | 'unitPrice' | 'returned'>[]): EventLine[] {
  return lines.map(({ productId, stockCode, quantity }) => ({ productId, stockCode, quantity }));
}
