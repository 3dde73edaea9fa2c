import { CurrencyMismatch, RefundDiffers, RefundExceedsCaptured } from './failures.ts';
import type { Money, Payment } from './payment.ts';

/** A part of a payment, or all of it, on its way back. */
export interface Refund {
  readonly paymentId: string;
  readonly refundId: string;
  /** Minor units of the payment's currency. */
  readonly amount: bigint;
  readonly status: 'pending' | 'done';
  /** How often the provider was asked. */
  readonly attempts: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Refunding {
  readonly payment: Payment;
  readonly refund: Refund;
}

/** Sets the amount aside before the provider is asked; counts a repeated one, and leaves as it is what is done. */
export function beginRefund(
  payment: Payment,
  standing: Refund | undefined,
  wanted: { readonly refundId: string; readonly amount: Money },
  now: Date,
): Refunding {
  const { paymentId, terms } = payment;
  const { currencyCode, minorUnits } = wanted.amount;
  if (terms && terms.amount.currencyCode !== currencyCode)
    throw new CurrencyMismatch(paymentId, terms.amount.currencyCode);
  if (standing) {
    if (standing.amount !== minorUnits) throw new RefundDiffers(standing.refundId);
    if (standing.status === 'done') return { payment, refund: standing };
    return { payment, refund: { ...standing, attempts: standing.attempts + 1, updatedAt: now } };
  }
  const left = payment.captured - payment.refunded - payment.refunding;
  if (minorUnits > left) throw new RefundExceedsCaptured(paymentId, left);
  const refund = { paymentId, refundId: wanted.refundId, amount: minorUnits, createdAt: now, updatedAt: now } as const;
  return {
    payment: { ...payment, refunding: payment.refunding + minorUnits },
    refund: { ...refund, status: 'pending', attempts: 1 },
  };
}

/** The provider gave the amount back; the same objects when that is known already. */
export function completeRefund({ payment, refund }: Refunding, now: Date): Refunding {
  if (refund.status === 'done') return { payment, refund };
  return {
    payment: {
      ...payment,
      refunded: payment.refunded + refund.amount,
      refunding: payment.refunding - refund.amount,
      version: payment.version + 1n,
      updatedAt: now,
    },
    refund: { ...refund, status: 'done', updatedAt: now },
  };
}
