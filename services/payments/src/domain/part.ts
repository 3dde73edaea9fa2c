import type { Payment } from './payment.ts';

/** What payments knows of a choreographed order: what others did, and what it decided itself. */
export interface PartFacts {
  /** Of the event that was first: trace and correlation id. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Gone once the provider has answered, or never will be asked. */
  readonly placed?: {
    readonly customerId: string;
    readonly currencyCode: string;
    readonly minorUnits: string;
    readonly token: string;
  };
  readonly reserved?: true;
  /** There was not enough: nothing is to be paid. */
  readonly notReserved?: true;
  readonly shipped?: true;
  /** The carrier refused it, or it was cancelled. */
  readonly notShipped?: true;
  readonly cancelled?: true;
  /** The provider did not answer in too many tries. */
  readonly gaveUp?: { readonly reason: string };
}

export type PartStep = 'authorize' | 'capture' | 'void' | 'refund';

/**
 * Payments' next step in a choreographed order. Facts come in any order: it is done when all that it follows from are there.
 * The capture is where an order cannot turn back any more: what undoes it is a void before, and a refund after.
 */
export function nextStep(facts: PartFacts, payment: Payment | undefined): PartStep | undefined {
  const undone = facts.cancelled || facts.notShipped || facts.gaveUp;
  switch (payment?.status) {
    case undefined:
    case 'pending':
      if (undone) return 'void';
      return facts.placed && facts.reserved ? 'authorize' : undefined;
    case 'authorized':
      if (payment.captureAttempts > 0) return 'capture';
      if (undone) return 'void';
      return facts.shipped ? 'capture' : undefined;
    case 'captured':
      return facts.notShipped && payment.refunded < payment.captured ? 'refund' : undefined;
    default:
      return undefined;
  }
}

/** Whether it has to be known any more how the order is paid. */
export const isPaymentKnown = (facts: PartFacts, payment: Payment | undefined): boolean =>
  payment ? payment.status !== 'pending' : facts.notReserved === true;
