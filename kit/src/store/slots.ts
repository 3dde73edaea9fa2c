/** There was none within the time. */
export class NoSlot extends Error {}

/** So many at a time; who comes when all are taken waits its turn. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves, when there is one, to what gives it back. @throws NoSlot when there is none within that many milliseconds */
  async take(withinMs?: number): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await this.#wait(withinMs);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }

  #wait(withinMs: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#waiting.splice(this.#waiting.indexOf(given), 1);
        reject(new NoSlot(`none was free within ${withinMs} ms`));
      };
      const timer = withinMs === undefined ? undefined : setTimeout(late, withinMs);
      const given = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push(given);
    });
  }
}
