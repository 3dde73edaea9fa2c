import { Later } from '../edge/failure.ts';
import { Cancelled } from './cancelled.ts';

export interface BulkheadOptions {
  /** Calls at once. */
  readonly calls: number;
  /** Calls that may wait. */
  readonly queue: number;
}

interface Waiting {
  readonly enter: () => void;
}

/** Keeps a service that hangs from taking more than its share of this process. */
export class Bulkhead {
  readonly #name: string;
  readonly #options: BulkheadOptions;
  readonly #queue = new Set<Waiting>();
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

  /** Runs the work when there is room. Throws UNAVAILABLE (UPSTREAM_BUSY) when too many wait, Cancelled when the signal fires first. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (this.#running >= this.#options.calls) await this.#enter(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const [next] = this.#queue;
      if (next) {
        this.#queue.delete(next);
        next.enter();
      } else this.#running -= 1;
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.#queue.size >= this.#options.queue)
      throw new Later('unavailable', 'UPSTREAM_BUSY', `too many calls wait for ${this.#name}`, 1);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#queue.delete(waiting);
        reject(new Cancelled());
      };
      const waiting: Waiting = {
        enter: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      if (signal?.aborted) return reject(new Cancelled());
      signal?.addEventListener('abort', leave, { once: true });
      this.#queue.add(waiting);
    });
  }
}
