import { PaymentNotFound } from '../domain/failures.ts';
import type { Money, Payment } from '../domain/payment.ts';
import { beginRefund, completeRefund, type Refund, type Refunding } from '../domain/refund.ts';
import { providerKeys } from './keys.ts';
import type { PaymentsApp, PaymentTransaction } from './ports.ts';

export interface WantedRefund {
  readonly paymentId: string;
  readonly refundId: string;
  readonly amount: Money;
}

/** Gives back all or a part of what was taken, once for a refund's id. */
export async function refundPayment({ store, provider, now }: PaymentsApp, wanted: WantedRefund): Promise<Payment> {
  const { paymentId, refundId, amount } = wanted;
  const asked = await store.transaction((tx) => begin(tx, wanted, now()));
  if (asked.refund.status === 'done') return asked.payment;
  await provider.refund({
    key: providerKeys.refund(paymentId, refundId),
    reference: asked.payment.reference as string,
    amount,
    attempt: asked.refund.attempts,
  });
  return await store.transaction((tx) => record(tx, paymentId, refundId, now()));
}

async function begin(tx: PaymentTransaction, wanted: WantedRefund, now: Date): Promise<Refunding> {
  const payment = await tx.payment(wanted.paymentId);
  if (!payment) throw new PaymentNotFound(wanted.paymentId);
  const standing = await tx.refund(wanted.paymentId, wanted.refundId);
  const begun = beginRefund(payment, standing, wanted, now);
  if (begun.payment !== payment) tx.updatePayment(payment, begun.payment);
  if (begun.refund !== standing) tx.saveRefund(begun.refund);
  return begun;
}

async function record(tx: PaymentTransaction, paymentId: string, refundId: string, now: Date): Promise<Payment> {
  const standing: Refunding = {
    payment: (await tx.payment(paymentId)) as Payment,
    refund: (await tx.refund(paymentId, refundId)) as Refund,
  };
  const done = completeRefund(standing, now);
  if (done.refund === standing.refund) return standing.payment;
  tx.updatePayment(standing.payment, done.payment);
  tx.saveRefund(done.refund);
  tx.publish({ type: 'payment-refunded', ...done });
  return done.payment;
}
