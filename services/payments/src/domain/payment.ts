import { PaymentCaptured, PaymentDeclined, PaymentDiffers, PaymentNotAuthorized, PaymentVoided } from './failures.ts';

export type PaymentStatus = 'pending' | 'authorized' | 'declined' | 'captured' | 'voided';

/** An exact amount in the currency's smallest unit. */
export interface Money {
  readonly currencyCode: string;
  readonly minorUnits: bigint;
}

/** What is asked for: another Authorize of the same payment must say the same. */
export interface Terms {
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: Money;
  /** Recognises the provider's token without keeping it. */
  readonly tokenHash: string;
}

/** Invariants: 0 <= refunded + refunding <= captured <= amount; version is the number of its events so far. */
export interface Payment {
  readonly paymentId: string;
  readonly status: PaymentStatus;
  /** Undefined when it was voided before it was asked for. */
  readonly terms: Terms | undefined;
  readonly declineReason: string | undefined;
  /** The provider's name for the hold; undefined as long as no approval is known. */
  readonly reference: string | undefined;
  /** Minor units taken, given back, and about to be given back. */
  readonly captured: bigint;
  readonly refunded: bigint;
  readonly refunding: bigint;
  /** How often the provider was asked. */
  readonly authorizeAttempts: number;
  readonly captureAttempts: number;
  /** Set while the provider may still hold the amount of a voided payment: when to have it let go, if nobody has by then. */
  readonly releaseAfter: Date | undefined;
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const MOVES: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  pending: ['authorized', 'declined', 'voided'],
  authorized: ['captured', 'voided'],
  captured: [],
  declined: [],
  voided: [],
};

/** Longer than any call to the provider is in flight. */
const RELEASE_DELAY_MS = 60_000;

const UNTOUCHED = {
  declineReason: undefined,
  reference: undefined,
  captured: 0n,
  refunded: 0n,
  refunding: 0n,
  captureAttempts: 0,
  releaseAfter: undefined,
} as const;

export function newPayment(paymentId: string, terms: Terms, now: Date): Payment {
  const first = { authorizeAttempts: 1, version: 0n, createdAt: now, updatedAt: now };
  return { ...UNTOUCHED, ...first, paymentId, status: 'pending', terms };
}

/** Stands for a payment that was voided before it was asked for: it refuses the late Authorize. */
export function tombstone(paymentId: string, now: Date): Payment {
  const first = { authorizeAttempts: 0, version: 1n, createdAt: now, updatedAt: now };
  return { ...UNTOUCHED, ...first, paymentId, status: 'voided', terms: undefined };
}

/** The terms of a payment that was asked for. */
export function termsOf({ paymentId, terms }: Payment): Terms {
  if (!terms) throw new Error(`payment ${paymentId} was never asked for`);
  return terms;
}

/** A repeated Authorize: counted while the provider has not answered, else what stands. */
export function authorizeAgain(standing: Payment, terms: Terms): Payment {
  if (standing.status === 'voided') throw new PaymentVoided(standing.paymentId);
  if (!sameTerms(termsOf(standing), terms)) throw new PaymentDiffers(standing.paymentId);
  if (standing.status !== 'pending') return assertNotRefused(standing);
  return { ...standing, authorizeAttempts: standing.authorizeAttempts + 1 };
}

/** The payment, when its amount is held or taken; throws why it is not. */
export function assertNotRefused(payment: Payment): Payment {
  if (payment.status === 'voided') throw new PaymentVoided(payment.paymentId);
  if (payment.status === 'declined') throw new PaymentDeclined(payment.paymentId, payment.declineReason ?? 'DECLINED');
  return payment;
}

/** The provider holds the amount. A payment that was ended meanwhile has it let go; any other stays as it is. */
export function approve(payment: Payment, reference: string, now: Date): Payment {
  if (payment.status === 'pending') return move(payment, 'authorized', now, { reference });
  const ended = payment.status === 'voided' || payment.status === 'declined';
  return ended ? { ...payment, reference, releaseAfter: releaseTime(now) } : payment;
}

/** The provider refused. A payment that has an outcome keeps it. */
export function decline(payment: Payment, declineReason: string, now: Date): Payment {
  return payment.status === 'pending' ? move(payment, 'declined', now, { declineReason }) : payment;
}

/** Counts a capture before the provider is asked: from here on the amount may be taken, and cannot be voided. */
export function beginCapture(payment: Payment): Payment {
  if (payment.status === 'captured') return payment;
  if (payment.status !== 'authorized') throw new PaymentNotAuthorized(payment.paymentId);
  return { ...payment, captureAttempts: payment.captureAttempts + 1 };
}

/** The provider took the amount; the same object when that is known already. */
export function capture(payment: Payment, now: Date): Payment {
  if (payment.status === 'captured') return payment;
  return move(payment, 'captured', now, { captured: termsOf(payment).amount.minorUnits });
}

/** The same object when there is nothing to void: it was declined, or is voided. */
export function voidPayment(payment: Payment, now: Date): Payment {
  if (payment.status === 'voided' || payment.status === 'declined') return payment;
  if (payment.status === 'captured' || payment.captureAttempts > 0) throw new PaymentCaptured(payment.paymentId);
  return move(payment, 'voided', now, { releaseAfter: releaseTime(now) });
}

export const releaseTime = (now: Date): Date => new Date(now.getTime() + RELEASE_DELAY_MS);

function move(payment: Payment, status: PaymentStatus, now: Date, changes: Partial<Payment>): Payment {
  if (!MOVES[payment.status].includes(status))
    throw new Error(`a payment does not go from ${payment.status} to ${status}`);
  return { ...payment, ...changes, status, version: payment.version + 1n, updatedAt: now };
}

function sameTerms(one: Terms, other: Terms): boolean {
  return (
    one.orderId === other.orderId &&
    one.customerId === other.customerId &&
    one.tokenHash === other.tokenHash &&
    one.amount.currencyCode === other.amount.currencyCode &&
    one.amount.minorUnits === other.amount.minorUnits
  );
}
