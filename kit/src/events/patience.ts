import { backoff } from '../store/backoff.ts';

/**
 * For events of a type that only another version of the consumer handles: how long to leave one to that version before it is
 * looked at again, and when to believe that it will not come.
 */
export class Patience {
  readonly #limitMs: number;
  #what = '';
  #times = 0;
  #waitedMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @param what the event that is waited with. @returns milliseconds; undefined when it was waited long enough. */
  next(what: string): number | undefined {
    if (what !== this.#what) {
      this.#what = what;
      this.#times = 0;
      this.#waitedMs = 0;
    }
    if (this.#waitedMs >= this.#limitMs) {
      this.#what = '';
      return undefined;
    }
    const ms = backoff(++this.#times, 50, 5_000);
    this.#waitedMs += ms;
    return ms;
  }
}
