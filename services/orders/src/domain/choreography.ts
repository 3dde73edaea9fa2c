import { confirm, confirmCancellation, type Decision, reject } from './decisions.ts';
import type { Order } from './order.ts';

/** What others did about a choreographed order. A reason is empty where it was only asked for. */
export interface OrderFacts {
  readonly reservationRejected?: { readonly reason: string };
  readonly paymentDeclined?: { readonly reason: string };
  readonly paymentVoided?: { readonly reason: string };
  readonly shipmentRejected?: { readonly reason: string };
  readonly shipmentCancelled?: { readonly reason: string };
  readonly stockReleased?: true;
  readonly stockCommitted?: true;
  readonly paymentRefunded?: true;
  readonly stockRestocked?: true;
}

/** What becomes of a choreographed order: nothing before all that an end follows from is known, whatever came first. */
export function follow(facts: OrderFacts, order: Order, now: Date): Decision {
  if (facts.paymentRefunded && facts.stockRestocked) return confirmCancellation(order, now);
  if (facts.stockCommitted) return confirm(order, now);
  const reason = undoneBecause(facts);
  return reason === undefined ? { order } : reject(order, reason, facts.paymentDeclined ? 'declined' : 'voided', now);
}

/** Why nothing came of it; undefined as long as something may still stand. */
function undoneBecause(facts: OrderFacts): string | undefined {
  const { reservationRejected, paymentDeclined, paymentVoided, shipmentRejected, shipmentCancelled } = facts;
  if (reservationRejected) return reservationRejected.reason;
  if (!facts.stockReleased) return undefined;
  if (paymentDeclined) return paymentDeclined.reason;
  if (!paymentVoided) return undefined;
  // No shipment is asked for before the payment is authorized.
  if (paymentVoided.reason) return paymentVoided.reason;
  const refusal = shipmentRejected ?? shipmentCancelled;
  return refusal && (refusal.reason || 'CANCELLED');
}
