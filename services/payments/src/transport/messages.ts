import { type Payment as PaymentMessage, PaymentStatus } from '@weft/gen/grpc/weft/payments/v1/payments';
import { toTimestamp } from '@weft/kit/time';
import type { Payment } from '../domain/payment.ts';

const STATUS = {
  pending: PaymentStatus.PAYMENT_STATUS_PENDING,
  authorized: PaymentStatus.PAYMENT_STATUS_AUTHORIZED,
  declined: PaymentStatus.PAYMENT_STATUS_DECLINED,
  captured: PaymentStatus.PAYMENT_STATUS_CAPTURED,
  voided: PaymentStatus.PAYMENT_STATUS_VOIDED,
} as const;

export function toPayment(payment: Payment): PaymentMessage {
  const { paymentId, status, terms, declineReason, version, createdAt, updatedAt } = payment;
  const money = (minorUnits: bigint) => terms && { currencyCode: terms.amount.currencyCode, minorUnits };
  return {
    paymentId,
    orderId: terms?.orderId ?? '',
    customerId: terms?.customerId ?? '',
    status: STATUS[status],
    declineReason: declineReason ?? '',
    amount: terms && money(terms.amount.minorUnits),
    captured: money(payment.captured),
    refunded: money(payment.refunded),
    version,
    createTime: toTimestamp(createdAt),
    updateTime: toTimestamp(updatedAt),
  };
}
