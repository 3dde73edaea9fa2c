import type { PostalAddress } from '@weft/gen/grpc/weft/common/v1/postal_address';
import {
  DeliveryMethod as DeliveryMethodMessage,
  type OrderEvent,
  type Order as OrderMessage,
  OrderStatus as OrderStatusMessage,
  PaymentStatus as PaymentStatusMessage,
  type Return as ReturnMessage,
  ReturnStatus,
  SagaStyle as SagaStyleMessage,
  type WatchOrderResponse,
} from '@weft/gen/grpc/weft/orders/v1/orders';
import { toTimestamp } from '@weft/kit/time';
import { resumeTokenOf } from '@weft/kit/watch';
import type { OrderChange, OrderEventRecord } from '../app/ports.ts';
import type { Address, DeliveryMethod, Order, OrderStatus, PaymentStatus, Return, SagaStyle } from '../domain/order.ts';

const STATUS = {
  placed: OrderStatusMessage.ORDER_STATUS_PLACED,
  confirmed: OrderStatusMessage.ORDER_STATUS_CONFIRMED,
  completed: OrderStatusMessage.ORDER_STATUS_COMPLETED,
  rejected: OrderStatusMessage.ORDER_STATUS_REJECTED,
  cancelling: OrderStatusMessage.ORDER_STATUS_CANCELLING,
  cancelled: OrderStatusMessage.ORDER_STATUS_CANCELLED,
} as const satisfies Record<OrderStatus, OrderStatusMessage>;

const PAYMENT = {
  pending: PaymentStatusMessage.PAYMENT_STATUS_PENDING,
  captured: PaymentStatusMessage.PAYMENT_STATUS_CAPTURED,
  'partially-refunded': PaymentStatusMessage.PAYMENT_STATUS_PARTIALLY_REFUNDED,
  refunded: PaymentStatusMessage.PAYMENT_STATUS_REFUNDED,
  voided: PaymentStatusMessage.PAYMENT_STATUS_VOIDED,
  declined: PaymentStatusMessage.PAYMENT_STATUS_DECLINED,
} as const satisfies Record<PaymentStatus, PaymentStatusMessage>;

export const DELIVERY_METHOD = {
  'pick-up': DeliveryMethodMessage.DELIVERY_METHOD_PICK_UP,
  address: DeliveryMethodMessage.DELIVERY_METHOD_ADDRESS,
} as const satisfies Record<DeliveryMethod, DeliveryMethodMessage>;

export const SAGA_STYLE = {
  orchestrated: SagaStyleMessage.SAGA_STYLE_ORCHESTRATED,
  choreographed: SagaStyleMessage.SAGA_STYLE_CHOREOGRAPHED,
} as const satisfies Record<SagaStyle, SagaStyleMessage>;

const RETURN_STATUS = {
  requested: ReturnStatus.RETURN_STATUS_REQUESTED,
  settled: ReturnStatus.RETURN_STATUS_SETTLED,
} as const;

/** Undefined for UNSPECIFIED. */
export function fromStatus(status: OrderStatusMessage): OrderStatus | undefined {
  return (Object.keys(STATUS) as OrderStatus[]).find((name) => STATUS[name] === status);
}

/** Undefined for UNSPECIFIED. */
export function fromSagaStyle(style: SagaStyleMessage): SagaStyle | undefined {
  return (Object.keys(SAGA_STYLE) as SagaStyle[]).find((name) => SAGA_STYLE[name] === style);
}

export function toOrder(order: Order, address?: Address): OrderMessage {
  const money = (minorUnits: bigint) => ({ currencyCode: order.currency, minorUnits });
  return {
    orderId: order.orderId,
    customerId: order.customerId,
    status: STATUS[order.status],
    reason: order.reason,
    lines: order.lines.map(({ productId, stockCode, title, quantity, unitPrice, returned }) => ({
      productId,
      stockCode,
      title,
      quantity,
      unitPrice: money(unitPrice),
      returnedQuantity: returned,
    })),
    returns: order.returns.map((returned) => toReturn(order, returned)),
    total: money(order.total),
    refunded: money(order.refunded),
    version: order.version,
    createTime: toTimestamp(order.createdAt),
    updateTime: toTimestamp(order.updatedAt),
    deliveryMethod: DELIVERY_METHOD[order.deliveryMethod],
    deliveryAddress: address && { ...address },
    sagaStyle: SAGA_STYLE[order.sagaStyle],
    paymentStatus: PAYMENT[order.payment],
  };
}

export function fromAddress({ recipient, street, city, postalCode, countryCode }: PostalAddress): Address {
  return { recipient, street, city, postalCode, countryCode };
}

export function toReturn(
  order: Order,
  { returnId, status, lines, refund, createdAt, settledAt }: Return,
): ReturnMessage {
  return {
    returnId,
    status: RETURN_STATUS[status],
    lines: lines.map(({ productId, quantity }) => ({ productId, quantity })),
    refund: { currencyCode: order.currency, minorUnits: refund },
    createTime: toTimestamp(createdAt),
    settleTime: settledAt && toTimestamp(settledAt),
  };
}

export function toEvent({
  type,
  version,
  status,
  reason,
  payment,
  changedAt,
  correlationId,
}: OrderEventRecord): OrderEvent {
  return {
    type,
    version,
    status: STATUS[status],
    reason,
    paymentStatus: PAYMENT[payment],
    occurTime: toTimestamp(changedAt),
    correlationId,
  };
}

export function toChange({ orderId, version, status, reason, payment, changedAt }: OrderChange): WatchOrderResponse {
  return {
    orderId,
    status: STATUS[status],
    reason,
    version,
    changeTime: toTimestamp(changedAt),
    resumeToken: resumeTokenOf(version),
    paymentStatus: PAYMENT[payment],
  };
}
