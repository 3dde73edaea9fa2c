import { type Payment, releaseTime } from '../domain/payment.ts';
import { providerKeys } from './keys.ts';
import type { PaymentsApp } from './ports.ts';

const AT_ONCE = 20;

/**
 * Has the provider let go of what it may hold for an ended payment. While the answer to Authorize is not known, a hold may
 * still come: it stays due for releaseDue.
 */
export async function release({ store, provider }: PaymentsApp, payment: Payment): Promise<void> {
  const { paymentId, reference } = payment;
  const key = reference === undefined ? providerKeys.releaseEarly(paymentId) : providerKeys.release(paymentId);
  await provider.void({ key, authorizeKey: providerKeys.authorize(paymentId) });
  if (reference !== undefined) await store.confirmRelease(payment);
}

/**
 * Has holds let go that a void left behind: its process ended, the provider did not answer, or Authorize came later. What
 * fails is due again later; its failure is thrown at the end.
 */
export async function releaseDue({ store, provider, now }: PaymentsApp): Promise<void> {
  const at = now();
  const due = await store.claimReleases(at, releaseTime(at), AT_ONCE);
  const ended = await Promise.allSettled(
    due.map(async (payment) => {
      const { paymentId, reference } = payment;
      const key = reference === undefined ? providerKeys.releaseLate(paymentId) : providerKeys.release(paymentId);
      await provider.void({ key, authorizeKey: providerKeys.authorize(paymentId) });
      await store.confirmRelease(payment);
    }),
  );
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
}
