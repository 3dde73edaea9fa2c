import { maySee, type User } from '@weft/kit/rpc';
import { PaymentNotFound } from '../domain/failures.ts';
import type { Payment } from '../domain/payment.ts';
import type { PaymentStore } from './ports.ts';

/** A payment, of any customer for staff and of their own for a customer: another's is not there for them. */
export async function getPayment(store: PaymentStore, paymentId: string, viewer: User | undefined): Promise<Payment> {
  const payment = await store.findPayment(paymentId);
  if (!payment || !maySee(viewer, payment.terms?.customerId)) throw new PaymentNotFound(paymentId);
  return payment;
}
