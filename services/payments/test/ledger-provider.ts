import type {
  Answer,
  AuthorizeCall,
  CaptureCall,
  PaymentProvider,
  ProviderCall,
  RefundCall,
  VoidCall,
} from '../src/app/ports.ts';

export type Operation = keyof PaymentProvider;

/** Runs before or after the effect of a call: it may wait, or throw as if the question or the answer were lost. */
export type Interruption = (operation: Operation, call: ProviderCall) => Promise<void> | void;

export interface Hold {
  state: 'held' | 'taken' | 'released';
  readonly amount: bigint;
  refunded: bigint;
}

/**
 * A provider with a memory: each key has its effect once and gets the same answer again. It refuses the token tok_declined,
 * and keeps account of the money so that a test can compare.
 */
export class LedgerProvider implements PaymentProvider {
  /** By the key of their Authorize, which is also their reference. */
  readonly holds = new Map<string, Hold>();
  readonly asked: string[] = [];
  /** What no service may ask for. */
  readonly offences: string[] = [];
  before: Interruption = () => {};
  after: Interruption = () => {};
  readonly #answers = new Map<string, unknown>();

  authorize(call: AuthorizeCall): Promise<Answer> {
    return this.#answer('authorize', call, () => {
      if (call.token === 'tok_declined') return { declined: 'CARD_DECLINED' };
      this.holds.set(call.key, { state: 'held', amount: call.amount.minorUnits, refunded: 0n });
      return { approved: call.key };
    });
  }

  capture(call: CaptureCall): Promise<void> {
    return this.#answer('capture', call, () => {
      const hold = this.holds.get(call.reference);
      if (hold?.state !== 'held' || hold.amount !== call.amount.minorUnits)
        this.offences.push(`capture ${hold?.state}`);
      else hold.state = 'taken';
    });
  }

  void(call: VoidCall): Promise<void> {
    return this.#answer('void', call, () => {
      const hold = this.holds.get(call.authorizeKey);
      if (hold?.state === 'taken') this.offences.push('void of what was taken');
      else if (hold) hold.state = 'released';
    });
  }

  refund(call: RefundCall): Promise<void> {
    return this.#answer('refund', call, () => {
      const hold = this.holds.get(call.reference);
      if (hold?.state !== 'taken') this.offences.push(`refund of ${hold?.state}`);
      else if (hold.refunded + call.amount.minorUnits > hold.amount)
        this.offences.push('refund of more than was taken');
      else hold.refunded += call.amount.minorUnits;
    });
  }

  async #answer<T>(operation: Operation, call: ProviderCall, effect: () => T): Promise<T> {
    await this.before(operation, call);
    this.asked.push(call.key);
    if (!this.#answers.has(call.key)) this.#answers.set(call.key, effect());
    await this.after(operation, call);
    return this.#answers.get(call.key) as T;
  }
}
