import type { PaymentEvent, PaymentStore, PaymentTransaction } from '../src/app/ports.ts';
import { beginCapture, type Payment } from '../src/domain/payment.ts';
import type { Refund } from '../src/domain/refund.ts';

/** A store in memory, one transaction after the other. */
export class MemoryStore implements PaymentStore {
  readonly payments = new Map<string, Payment>();
  readonly refunds = new Map<string, Refund>();
  readonly events: PaymentEvent[] = [];
  /** Awaited before each transaction. */
  readonly #turn: () => Promise<void>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(turn: () => Promise<void>) {
    this.#turn = turn;
  }

  async transaction<T>(work: (tx: PaymentTransaction) => Promise<T>): Promise<T> {
    await this.#turn();
    const done = this.#last.then(() => this.#commit(work));
    this.#last = done.catch(() => undefined);
    return done;
  }

  change<T>(seen: Payment, decide: (standing: Payment, tx: PaymentTransaction) => Promise<T>): Promise<T> {
    return this.transaction(async (tx) => {
      const standing = this.payments.get(seen.paymentId) as Payment;
      return decide(isAs(standing, seen) ? seen : standing, tx);
    });
  }

  insertPayment(payment: Payment): Promise<boolean> {
    return this.transaction((tx) => tx.insertPayment(payment));
  }

  countCapture(paymentId: string): Promise<Payment | undefined> {
    return this.transaction(async (tx) => {
      const standing = await tx.payment(paymentId);
      if (standing?.status !== 'authorized') return undefined;
      const begun = beginCapture(standing);
      tx.updatePayment(standing, begun);
      return begun;
    });
  }

  async findPayment(paymentId: string): Promise<Payment | undefined> {
    return this.payments.get(paymentId);
  }

  async claimReleases(due: Date, again: Date): Promise<Payment[]> {
    const found = [...this.payments.values()].filter(({ releaseAfter }) => releaseAfter && releaseAfter <= due);
    const claimed = found.map((payment) => ({ ...payment, releaseAfter: again }));
    for (const payment of claimed) this.payments.set(payment.paymentId, payment);
    return claimed;
  }

  async confirmRelease({ paymentId, releaseAfter }: Payment): Promise<void> {
    const standing = this.payments.get(paymentId);
    if (standing && standing.releaseAfter === releaseAfter) {
      this.payments.set(paymentId, { ...standing, releaseAfter: undefined });
    }
  }

  async #commit<T>(work: (tx: PaymentTransaction) => Promise<T>): Promise<T> {
    const writes: (() => void)[] = [];
    const result = await work({
      insertPayment: async (payment) => {
        if (this.payments.has(payment.paymentId)) return false;
        writes.push(() => this.payments.set(payment.paymentId, payment));
        return true;
      },
      payment: async (paymentId) => this.payments.get(paymentId),
      updatePayment: (before, after) => {
        if (!isAs(this.payments.get(after.paymentId), before)) throw new Error('the payment is not as it was');
        writes.push(() => this.payments.set(after.paymentId, after));
      },
      refund: async (paymentId, refundId) => this.refunds.get(`${paymentId} ${refundId}`),
      saveRefund: (refund) => writes.push(() => this.refunds.set(`${refund.paymentId} ${refund.refundId}`, refund)),
      publish: (event) => writes.push(() => this.events.push(event)),
    });
    for (const write of writes) write();
    return result;
  }
}

function isAs(one: Payment | undefined, other: Payment): boolean {
  return (
    one?.version === other.version &&
    one.captureAttempts === other.captureAttempts &&
    one.authorizeAttempts === other.authorizeAttempts &&
    one.refunding === other.refunding
  );
}
