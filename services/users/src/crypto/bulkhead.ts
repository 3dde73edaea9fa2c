import { DomainError } from '@weft/kit/failure';

export class TooBusy extends DomainError {
  constructor() {
    super('resource-exhausted', 'TOO_BUSY', 'too many passwords are being checked; try again');
  }
}

export interface BulkheadOptions {
  readonly running: number;
  readonly waiting: number;
}

/** Bounds how much of one kind of work runs and waits. */
export class Bulkhead {
  readonly #options: BulkheadOptions;
  readonly #queue = new Set<() => void>();
  #running = 0;

  constructor(options: BulkheadOptions) {
    this.#options = options;
  }

  /** Runs the work when it is its turn. Throws TooBusy when too much is waiting, and the signal's reason when it fires first. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running < this.#options.running) this.#running++;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#queue.size >= this.#options.waiting) throw new TooBusy();
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#queue.delete(enter);
        reject(signal?.reason);
      };
      this.#queue.add(enter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /** Gives the place to the one that waits longest. */
  #leave(): void {
    for (const next of this.#queue) {
      this.#queue.delete(next);
      next();
      return;
    }
    this.#running--;
  }
}
