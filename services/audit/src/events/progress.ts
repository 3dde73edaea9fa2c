/** How far events have been recorded, as far as this process knows. Times are epoch milliseconds. */
export class Progress {
  /** What was published before is recorded, or was somebody else's to record. */
  #until: number;
  #ours = false;

  constructor(now: number) {
    this.#until = now;
  }

  /** An event has come that is not recorded yet. */
  came(publishedAt: number): void {
    this.#until = Math.min(this.#until, publishedAt);
  }

  /** It is recorded, with those that came before it. */
  recorded(publishedAt: number): void {
    this.#until = publishedAt;
  }

  /** There is nothing to be recorded. */
  nothing(now: number): void {
    this.#until = now;
  }

  /** This process records, or nobody is known to. */
  ours(): void {
    this.#ours = true;
  }

  /** Somebody else records. */
  others(now: number): void {
    this.#until = now;
    this.#ours = false;
  }

  /** Milliseconds since the oldest event was published that may not be recorded; undefined while somebody else records. */
  age(now: number): number | undefined {
    return this.#ours ? Math.max(0, now - this.#until) : undefined;
  }
}
