/** So many are inside at a time: enough to fill the commits of a database, and too few to have each other wait in vain for a connection. */
const MOST_TOGETHER = 64;

/** Lets a number in together, or one alone: who wants to be alone waits for those inside, and goes before those who come later. */
export class Gate {
  readonly #most: number;
  readonly #alone: (() => void)[] = [];
  readonly #together: (() => void)[] = [];
  #inside = 0;
  #closed = false;

  constructor(most = MOST_TOGETHER) {
    this.#most = most;
  }

  async together<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed || this.#alone.length > 0 || this.#inside >= this.#most)
      await new Promise<void>((resolve) => this.#together.push(resolve));
    this.#inside++;
    try {
      return await work();
    } finally {
      this.#inside--;
      this.#next();
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed || this.#inside > 0) await new Promise<void>((resolve) => this.#alone.push(resolve));
    this.#closed = true;
    try {
      return await work();
    } finally {
      this.#closed = false;
      this.#next();
    }
  }

  #next(): void {
    if (this.#closed) return;
    if (this.#alone.length > 0) {
      if (this.#inside === 0) this.#alone.shift()?.();
      return;
    }
    for (const resolve of this.#together.splice(0, this.#most - this.#inside)) resolve();
  }
}
