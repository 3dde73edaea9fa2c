import { createHash } from 'node:crypto';
import {
  approve,
  assertNotRefused,
  authorizeAgain,
  decline,
  type Money,
  newPayment,
  type Payment,
  type Terms,
} from '../domain/payment.ts';
import { providerKeys } from './keys.ts';
import { type Answer, type PaymentsApp, type PaymentTransaction, ProviderTimeout } from './ports.ts';
import { release } from './release.ts';

export interface Authorization {
  readonly paymentId: string;
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: Money;
  readonly token: string;
}

/** Holds an amount, once for a payment's id. A payment that was voided meanwhile has the hold let go again. */
export async function authorize(app: PaymentsApp, wanted: Authorization): Promise<Payment> {
  const { paymentId, amount, token } = wanted;
  const asked = await begin(app, wanted);
  if (asked.status !== 'pending') return asked;
  const key = providerKeys.authorize(paymentId);
  const answer = await app.provider.authorize({ key, amount, token, attempt: asked.authorizeAttempts });
  const payment = await app.store.change(asked, async (standing, tx) => record(tx, standing, answer, app.now()));
  if ('approved' in answer && payment.releaseAfter) {
    await release(app, payment).catch((error) => {
      if (!(error instanceof ProviderTimeout)) throw error;
    });
  }
  return assertNotRefused(payment);
}

async function begin({ store, now }: PaymentsApp, wanted: Authorization): Promise<Payment> {
  const { paymentId, orderId, customerId, amount, token } = wanted;
  const terms: Terms = { orderId, customerId, amount, tokenHash: hashToken(paymentId, token) };
  const payment = newPayment(paymentId, terms, now());
  if (await store.insertPayment(payment)) return payment;
  return store.transaction(async (tx) => {
    const standing = (await tx.payment(paymentId)) as Payment;
    const again = authorizeAgain(standing, terms);
    if (again !== standing) tx.updatePayment(standing, again);
    return again;
  });
}

function record(tx: PaymentTransaction, standing: Payment, answer: Answer, now: Date): Payment {
  const payment =
    'approved' in answer ? approve(standing, answer.approved, now) : decline(standing, answer.declined, now);
  if (payment !== standing) tx.updatePayment(standing, payment);
  if (payment.version !== standing.version) tx.publish({ type: 'payment-changed', payment });
  return payment;
}

const hashToken = (paymentId: string, token: string) =>
  createHash('sha256').update(`${paymentId} ${token}`).digest('hex');
