import { PaymentNotFound } from '../domain/failures.ts';
import { beginCapture, capture, type Payment, termsOf } from '../domain/payment.ts';
import { providerKeys } from './keys.ts';
import type { PaymentStore, PaymentsApp } from './ports.ts';

/** Takes what is held, once. */
export async function capturePayment(
  { store, provider, now, onCaptured }: PaymentsApp,
  paymentId: string,
): Promise<Payment> {
  const asked = (await store.countCapture(paymentId)) ?? (await begin(store, paymentId));
  if (asked.status === 'captured') return asked;
  await provider.capture({
    key: providerKeys.capture(paymentId),
    reference: asked.reference as string,
    amount: termsOf(asked).amount,
    attempt: asked.captureAttempts,
  });
  const captured = await store.change(asked, async (standing, tx) => {
    const payment = capture(standing, now());
    if (payment === standing) return standing;
    tx.updatePayment(standing, payment);
    tx.publish({ type: 'payment-changed', payment });
    return payment;
  });
  if (captured.status === 'captured') onCaptured?.(termsOf(captured).amount);
  return captured;
}

function begin(store: PaymentStore, paymentId: string): Promise<Payment> {
  return store.transaction(async (tx) => {
    const standing = await tx.payment(paymentId);
    if (!standing) throw new PaymentNotFound(paymentId);
    const begun = beginCapture(standing);
    if (begun !== standing) tx.updatePayment(standing, begun);
    return begun;
  });
}
