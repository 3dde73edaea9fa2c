import { Later } from '../edge/failure.ts';
import { type Patience, patiently } from './patience.ts';

export interface BulkheadOptions {
  /** Calls at once. */
  readonly calls: number;
  /** Calls that may wait. */
  readonly queue: number;
}

/** Keeps a service that hangs from taking more than its share of this process. */
export class Bulkhead {
  readonly #name: string;
  readonly #options: BulkheadOptions;
  readonly #queue = new Set<() => void>();
  #running = 0;

  constructor(name: string, options: BulkheadOptions) {
    this.#name = name;
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Runs the work when there is room. Throws UNAVAILABLE (UPSTREAM_BUSY) when too many wait, Cancelled or TimeOver when the
   * caller's patience ends first.
   */
  async run<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
    if (this.#running >= this.#options.calls) await this.#enter(patience);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(patience: Patience): Promise<void> {
    if (this.#queue.size >= this.#options.queue)
      throw new Later('unavailable', 'UPSTREAM_BUSY', `too many calls wait for ${this.#name}`, 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.add(resolve);
    try {
      await patiently(promise, patience);
    } catch (error) {
      // Its place came in the same turn as the end of its patience: it is the next one's.
      if (!this.#queue.delete(resolve)) this.#leave();
      throw error;
    }
  }

  #leave(): void {
    const [next] = this.#queue;
    if (next) {
      this.#queue.delete(next);
      next();
    } else this.#running -= 1;
  }
}
