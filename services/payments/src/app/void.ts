import { type Payment, tombstone, voidPayment as voided } from '../domain/payment.ts';
import type { PaymentsApp, PaymentTransaction } from './ports.ts';
import { release } from './release.ts';

/**
 * Lets go of what is held. It is recorded before the provider is told, so that an Authorize that is answered later finds it.
 * One never seen is recorded as voided: an Authorize that comes late is refused.
 * @param reason why it is given up, where nobody asked for that
 */
export async function voidPayment(app: PaymentsApp, paymentId: string, reason = ''): Promise<Payment> {
  const payment = await app.store.transaction((tx) => record(tx, paymentId, reason, app.now()));
  if (payment.releaseAfter) await release(app, payment);
  return payment;
}

async function record(tx: PaymentTransaction, paymentId: string, reason: string, now: Date): Promise<Payment> {
  const unseen = tombstone(paymentId, now);
  if (await tx.insertPayment(unseen)) {
    tx.publish({ type: 'payment-changed', payment: unseen, reason });
    return unseen;
  }
  const standing = (await tx.payment(paymentId)) as Payment;
  const payment = voided(standing, now);
  if (payment === standing) return standing;
  tx.updatePayment(standing, payment);
  tx.publish({ type: 'payment-changed', payment, reason });
  return payment;
}
