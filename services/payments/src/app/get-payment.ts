import { PaymentNotFound } from '../domain/failures.ts';
import type { Payment } from '../domain/payment.ts';
import type { PaymentStore } from './ports.ts';

export interface Viewer {
  readonly id: string;
  readonly roles: readonly string[];
}

/** A payment, of any customer for staff and of their own for a customer: another's is not there for them. */
export async function getPayment(store: PaymentStore, paymentId: string, viewer: Viewer | undefined): Promise<Payment> {
  const payment = await store.findPayment(paymentId);
  if (!payment || !maySee(viewer, payment)) throw new PaymentNotFound(paymentId);
  return payment;
}

function maySee(viewer: Viewer | undefined, { terms }: Payment): boolean {
  if (!viewer) return false;
  const staff = viewer.roles.includes('support') || viewer.roles.includes('admin');
  return staff || (terms !== undefined && terms.customerId === viewer.id);
}
