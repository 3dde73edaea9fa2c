/** Lets any number in together, or one alone: who wants to be alone waits for those inside, and goes before those who come later. */
export class Gate {
  readonly #alone: (() => void)[] = [];
  readonly #together: (() => void)[] = [];
  #inside = 0;
  #closed = false;

  async together<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed || this.#alone.length > 0) await new Promise<void>((resolve) => this.#together.push(resolve));
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
    if (this.#closed || this.#inside > 0) return;
    const next = this.#alone.shift();
    if (next) return next();
    for (const resolve of this.#together.splice(0)) resolve();
  }
}
