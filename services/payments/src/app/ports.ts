import { DomainError } from '@weft/kit/failure';
import type { Money, Payment } from '../domain/payment.ts';
import type { Refund } from '../domain/refund.ts';

/** What happened, to be published with the state that it changed. */
export type PaymentEvent =
  /** With the reason for which it was given up, if it was. */
  | { readonly type: 'payment-changed'; readonly payment: Payment; readonly reason?: string }
  | { readonly type: 'payment-refunded'; readonly payment: Payment; readonly refund: Refund };

/** One transaction of payments. */
export interface PaymentTransaction {
  /** Saves a new payment; false when one with its id stands, also one that was being made at the same time. */
  insertPayment(payment: Payment): Promise<boolean>;
  /** Locked until the end of the transaction. */
  payment(paymentId: string): Promise<Payment | undefined>;
  /**
   * Saves what a decision changed of a payment, with the commit, as are refunds: what is read in this transaction does not show
   * it. When the payment is not as `before` any more, the work runs again.
   */
  updatePayment(before: Payment, after: Payment): void;
  /** Safe from change while its payment is locked. */
  refund(paymentId: string, refundId: string): Promise<Refund | undefined>;
  saveRefund(refund: Refund): void;
  publish(event: PaymentEvent): void;
}

export interface PaymentStore {
  transaction<T>(work: (tx: PaymentTransaction) => Promise<T>): Promise<T>;
  /**
   * Decides about a payment as it was last seen, without reading it again; when it has changed since, about the payment as it
   * is, locked.
   */
  change<T>(seen: Payment, decide: (standing: Payment, tx: PaymentTransaction) => Promise<T>): Promise<T>;
  /** Saves a new payment by itself; false when one with its id stands. */
  insertPayment(payment: Payment): Promise<boolean>;
  /** What beginCapture does to a payment that is authorized, by itself; undefined, and nothing done, for any other. */
  countCapture(paymentId: string): Promise<Payment | undefined>;
  findPayment(paymentId: string): Promise<Payment | undefined>;
  /** Ended payments whose release is due, at most `limit`, put off until `again` so that nobody else takes them. */
  claimReleases(due: Date, again: Date, limit: number): Promise<Payment[]>;
  /** Records that nothing is held any more, unless the release was put off meanwhile. */
  confirmRelease(payment: Payment): Promise<void>;
}

/** The provider did not answer in time. What it did is not known until it is asked again with the same key. */
export class ProviderTimeout extends DomainError {
  constructor() {
    super('unavailable', 'PROVIDER_TIMEOUT', 'the payment provider did not answer: ask again');
  }
}

/** One question to the provider: with the same key it has its effect once and gets the same answer. */
export interface ProviderCall {
  readonly key: string;
}

export interface AuthorizeCall extends ProviderCall {
  readonly amount: Money;
  readonly token: string;
  /** How often this key was asked, from 1. */
  readonly attempt: number;
}

export interface CaptureCall extends ProviderCall {
  readonly reference: string;
  readonly amount: Money;
  /** How often this key was asked, from 1. */
  readonly attempt: number;
}

export interface VoidCall extends ProviderCall {
  /** Key of the Authorize whose hold is to be let go; there may be none. */
  readonly authorizeKey: string;
}

export interface RefundCall extends ProviderCall {
  readonly reference: string;
  readonly amount: Money;
  /** How often this key was asked, from 1. */
  readonly attempt: number;
}

/** What the provider said of a hold: its own name for it, or a stable reason in UPPER_SNAKE_CASE. */
export type Answer = { readonly approved: string } | { readonly declined: string };

/** Who holds, takes and gives back. Each throws ProviderTimeout. */
export interface PaymentProvider {
  authorize(call: AuthorizeCall): Promise<Answer>;
  capture(call: CaptureCall): Promise<void>;
  void(call: VoidCall): Promise<void>;
  refund(call: RefundCall): Promise<void>;
}

/** What the use cases work with. */
export interface PaymentsApp {
  readonly store: PaymentStore;
  readonly provider: PaymentProvider;
  readonly now: () => Date;
  /** Is told of the money that is known to be captured now. */
  readonly onCaptured?: (amount: Money) => void;
}
