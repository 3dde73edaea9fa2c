/**
 * Lets any number in together, or one alone. Whoever wants to be alone waits for those inside, and keeps out those who come later; when it is
 * through, they come before the next one.
 */
export class Gate {
  /** What admits those who wait. */
  readonly #alone: (() => void)[] = [];
  readonly #together: (() => void)[] = [];
  #inside = 0;
  #closed = false;
  #turnOfTogether = false;

  /** Somebody waits to be alone: who is inside with much to do had better come back. */
  get isWanted(): boolean {
    return this.#alone.length > 0;
  }

  /** @returns undefined when `giveUp` fires before the work has begun */
  async together<T>(work: () => Promise<T>, giveUp?: AbortSignal): Promise<T | undefined> {
    if (!this.#closed && this.#alone.length === 0) this.#inside++;
    else if (!(await this.#wait(this.#together, giveUp))) return undefined;
    try {
      return await work();
    } finally {
      this.#inside--;
      this.#next();
    }
  }

  /** @returns undefined when `giveUp` fires before the work has begun */
  async alone<T>(work: () => Promise<T>, giveUp?: AbortSignal): Promise<T | undefined> {
    if (!this.#closed && this.#inside === 0 && this.#alone.length === 0) this.#closed = true;
    else if (!(await this.#wait(this.#alone, giveUp))) return undefined;
    try {
      return await work();
    } finally {
      this.#closed = false;
      this.#turnOfTogether = true;
      this.#next();
    }
  }

  /** @returns whether it was admitted */
  #wait(among: (() => void)[], giveUp: AbortSignal | undefined): Promise<boolean> {
    if (giveUp?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const leave = () => {
        among.splice(among.indexOf(admit), 1);
        resolve(false);
        this.#next();
      };
      const admit = () => {
        giveUp?.removeEventListener('abort', leave);
        resolve(true);
      };
      among.push(admit);
      giveUp?.addEventListener('abort', leave, { once: true });
    });
  }

  #next(): void {
    if (this.#closed) return;
    if (this.#together.length > 0 && (this.#turnOfTogether || this.#alone.length === 0)) {
      this.#turnOfTogether = false;
      this.#inside += this.#together.length;
      for (const admit of this.#together.splice(0)) admit();
    } else if (this.#inside === 0 && this.#alone.length > 0) {
      this.#turnOfTogether = false;
      this.#closed = true;
      this.#alone.shift()?.();
    }
  }
}
