import { PaymentNotFound } from '../domain/failures.ts';
import { beginCapture, capture, type Payment, termsOf } from '../domain/payment.ts';
import { providerKeys } from './keys.ts';
import type { PaymentsApp, PaymentTransaction } from './ports.ts';

/** Takes what is held, once. */
export async function capturePayment({ store, provider, now }: PaymentsApp, paymentId: string): Promise<Payment> {
  const asked = await store.transaction((tx) => begin(tx, paymentId));
  if (asked.status === 'captured') return asked;
  await provider.capture({
    key: providerKeys.capture(paymentId),
    reference: asked.reference as string,
    amount: termsOf(asked).amount,
    attempt: asked.captureAttempts,
  });
  return await store.transaction((tx) => record(tx, paymentId, now()));
}

async function begin(tx: PaymentTransaction, paymentId: string): Promise<Payment> {
  const standing = await tx.payment(paymentId);
  if (!standing) throw new PaymentNotFound(paymentId);
  const begun = beginCapture(standing);
  if (begun !== standing) tx.updatePayment(begun);
  return begun;
}

async function record(tx: PaymentTransaction, paymentId: string, now: Date): Promise<Payment> {
  const standing = (await tx.payment(paymentId)) as Payment;
  const payment = capture(standing, now);
  if (payment === standing) return standing;
  tx.updatePayment(payment);
  tx.publish({ type: 'payment-changed', payment });
  return payment;
}
