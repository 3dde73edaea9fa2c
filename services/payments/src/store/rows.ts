import type { Selectable } from 'kysely';
import type { Payment, Terms } from '../domain/payment.ts';
import type { Refund } from '../domain/refund.ts';
import type { PaymentsSchema } from './schema.ts';

export type PaymentRow = Selectable<PaymentsSchema['payment']>;
type RefundRow = Selectable<PaymentsSchema['refund']>;

export function toPayment(row: PaymentRow): Payment {
  return {
    paymentId: row.payment_id,
    status: row.status,
    terms: toTerms(row),
    declineReason: row.decline_reason ?? undefined,
    reference: row.provider_reference ?? undefined,
    captured: row.captured,
    refunded: row.refunded,
    refunding: row.refunding,
    authorizeAttempts: row.authorize_attempts,
    captureAttempts: row.capture_attempts,
    releaseAfter: row.release_after ?? undefined,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toTerms({ order_id, customer_id, currency_code, amount, token_hash }: PaymentRow): Terms | undefined {
  if (order_id === null || customer_id === null || currency_code === null || amount === null || token_hash === null) {
    return undefined;
  }
  return {
    orderId: order_id,
    customerId: customer_id,
    amount: { currencyCode: currency_code, minorUnits: amount },
    tokenHash: token_hash,
  };
}

/** The columns of a payment that change. */
export function changedColumns(row: PaymentRow) {
  return {
    status: row.status,
    decline_reason: row.decline_reason,
    provider_reference: row.provider_reference,
    captured: row.captured,
    refunded: row.refunded,
    refunding: row.refunding,
    authorize_attempts: row.authorize_attempts,
    capture_attempts: row.capture_attempts,
    release_after: row.release_after,
    version: row.version,
    updated_at: row.updated_at,
  };
}

export function paymentRow(payment: Payment): PaymentRow {
  const { paymentId, terms, createdAt } = payment;
  return {
    payment_id: paymentId,
    status: payment.status,
    order_id: terms?.orderId ?? null,
    customer_id: terms?.customerId ?? null,
    currency_code: terms?.amount.currencyCode ?? null,
    amount: terms?.amount.minorUnits ?? null,
    token_hash: terms?.tokenHash ?? null,
    decline_reason: payment.declineReason ?? null,
    provider_reference: payment.reference ?? null,
    captured: payment.captured,
    refunded: payment.refunded,
    refunding: payment.refunding,
    authorize_attempts: payment.authorizeAttempts,
    capture_attempts: payment.captureAttempts,
    release_after: payment.releaseAfter ?? null,
    version: payment.version,
    created_at: createdAt,
    updated_at: payment.updatedAt,
  };
}

export function toRefund(row: RefundRow): Refund {
  return {
    paymentId: row.payment_id,
    refundId: row.refund_id,
    amount: row.amount,
    status: row.status,
    attempts: row.attempts,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function refundRow({ paymentId, refundId, amount, status, attempts, createdAt, updatedAt }: Refund): RefundRow {
  return {
    payment_id: paymentId,
    refund_id: refundId,
    amount,
    status,
    attempts,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}
