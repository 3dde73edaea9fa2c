import type { Saga, SagaKind, SagaState } from '../domain/saga.ts';

export interface StockLine {
  readonly stockCode: string;
  readonly quantity: bigint;
}

export interface Amount {
  readonly currencyCode: string;
  readonly minorUnits: bigint;
}

/** Calls of other services. Each may be repeated with the same arguments: it happens once. */
export interface Inventory {
  reserve(reservationId: string, lines: readonly StockLine[]): Promise<void>;
  release(reservationId: string): Promise<void>;
  commit(reservationId: string): Promise<void>;
  restock(key: string, restockId: string, lines: readonly StockLine[]): Promise<void>;
}

export interface Payments {
  authorize(payment: {
    paymentId: string;
    orderId: string;
    customerId: string;
    amount: Amount;
    token: string;
  }): Promise<void>;
  void(paymentId: string): Promise<void>;
  capture(paymentId: string): Promise<void>;
  refund(paymentId: string, refundId: string, amount: Amount): Promise<void>;
}

export interface Address {
  readonly recipient: string;
  readonly street: string;
  readonly city: string;
  readonly postalCode: string;
  readonly countryCode: string;
}

export interface Shipping {
  create(shipment: {
    shipmentId: string;
    orderId: string;
    customerId: string;
    lines: readonly StockLine[];
    /** Undefined: the customer picks it up. */
    address: Address | undefined;
  }): Promise<void>;
  cancel(shipmentId: string): Promise<void>;
}

export interface Orders {
  deliveryAddress(orderId: string): Promise<Address>;
  confirm(orderId: string): Promise<void>;
  /** @param declined the payment was refused */
  reject(orderId: string, reason: string, declined: boolean): Promise<void>;
  confirmCancellation(orderId: string): Promise<void>;
  settleReturn(orderId: string, returnId: string): Promise<void>;
}

export interface SagaFilter {
  readonly orderId: string | undefined;
  readonly state: SagaState | undefined;
  /** Only sagas before this one, newest first. */
  readonly before: string | undefined;
  readonly limit: number;
}

/** One transaction of checkout. */
export interface CheckoutTransaction {
  /** 1 at first; above it something was not as expected, and the work runs again. */
  readonly attempt: number;
  /** Without a lease it waits for whoever claims it. Where there is one of that id already the work runs again. */
  insert(saga: Saga, lease?: Lease): void;
  /** Locked until the end of the transaction. */
  saga(sagaId: string): Promise<Saga | undefined>;
  /** Saves what changed of a saga that is locked, with the events that follow from it. */
  save(before: Saga, after: Saga): void;
  onCommit(callback: () => void): void;
  onAbort(callback: () => void): void;
}

/** Sagas that one process runs until their lease ends; nobody else does meanwhile. */
export interface Lease {
  readonly leaseId: string;
  /** Milliseconds from the claim or the last save. */
  readonly length: number;
}

/** A new saga that the process which saves it goes on to run, its first try begun; without a lease somebody else does. */
export interface Adoption {
  readonly saga: Saga;
  readonly lease: Lease | undefined;
  /** To be called after the commit. */
  readonly run: () => void;
  /** To be called when there was none. */
  readonly giveUp: () => void;
}

export interface LeasedSave {
  /** The saga rests or has ended: the lease is given back. */
  readonly release: boolean;
  /** Another saga that follows from it. */
  readonly next?: Saga | undefined;
}

export interface OpenSagas {
  readonly kind: SagaKind;
  readonly state: SagaState;
  readonly count: number;
  /** Of these, those that have failed ten times in a row. */
  readonly stalled: number;
  /** When the oldest of them began. */
  readonly oldest: Date;
}

export interface CheckoutStore {
  transaction<T>(work: (tx: CheckoutTransaction) => Promise<T>): Promise<T>;
  find(sagaId: string): Promise<Saga | undefined>;
  list(filter: SagaFilter): Promise<Saga[]>;
  /** Sagas that have not ended. */
  countOpen(): Promise<number>;
  /** Those that have not ended, by what they do and where they are. */
  open(): Promise<readonly OpenSagas[]>;
  /** Takes up to `limit` sagas that are due and run by nobody. */
  claim(lease: Lease, now: Date, limit: number): Promise<Saga[]>;
  /**
   * Saves a saga under a lease, which begins anew. Gives it as saved, or as it is when somebody changed it meanwhile, or
   * undefined when the lease is lost.
   */
  saveLeased(
    lease: Lease,
    before: Saga,
    after: Saga,
    save: LeasedSave,
  ): Promise<{ saved: boolean; saga: Saga } | undefined>;
}
