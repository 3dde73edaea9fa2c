import { Later } from '../edge/failure.ts';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds that it stays open. */
  readonly pause: number;
  /** Milliseconds of any clock that only goes on. */
  readonly now: () => number;
}

/** What the end of a call says of the service: it is not well, it is, or nothing. */
export type Verdict = 'unwell' | 'well' | 'nothing';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** Spares a service that fails again and again; after a pause one call tries whether it is well again. */
export class Breaker {
  readonly #name: string;
  readonly #options: BreakerOptions;
  #failures = 0;
  #openUntil = 0;
  #probing = false;

  constructor(name: string, options: BreakerOptions) {
    this.#name = name;
    this.#options = options;
  }

  get state(): BreakerState {
    if (this.#failures < this.#options.failures) return 'closed';
    return this.#options.now() < this.#openUntil ? 'open' : 'half-open';
  }

  /**
   * Runs the work unless it is open, or half open with a probe under way: throws UNAVAILABLE (CIRCUIT_OPEN) then.
   * @param verdictOf what an error that the work threw says of the service
   */
  async run<T>(work: () => Promise<T>, verdictOf: (error: unknown) => Verdict): Promise<T> {
    const { state } = this;
    if (state === 'open' || (state === 'half-open' && this.#probing)) throw this.#refusal();
    const probe = state === 'half-open';
    if (probe) this.#probing = true;
    try {
      const result = await work();
      this.#failures = 0;
      return result;
    } catch (error) {
      const verdict = verdictOf(error);
      if (verdict === 'unwell') this.#fail();
      else if (verdict === 'well') this.#failures = 0;
      throw error;
    } finally {
      if (probe) this.#probing = false;
    }
  }

  #fail(): void {
    this.#failures += 1;
    if (this.#failures >= this.#options.failures) this.#openUntil = this.#options.now() + this.#options.pause;
  }

  #refusal(): Later {
    const left = Math.max(0, this.#openUntil - this.#options.now());
    return new Later('unavailable', 'CIRCUIT_OPEN', `${this.#name} does not answer; it is given a rest`, left / 1000);
  }
}
