import { within } from '../time/index.ts';
import type { Statement } from './deferred.ts';

/** Sends statements as one transaction. */
type Send = (statements: readonly Statement[]) => Promise<unknown>;

interface Waiting {
  readonly statement: Statement;
  readonly send: Send;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** So many transactions are on their way at a time; those that come meanwhile go together. */
const ON_THEIR_WAY = 2;
const MOST_TOGETHER = 32;
/** Who takes longer waits for somebody else's row: nobody waits with it. */
export const SLOW_MS = 50;

/**
 * Commits transactions of one statement each, several at a time under load: the server writes a commit to the disk once for all
 * of them. One that fails, or waits, takes nobody with it: then each is sent alone.
 */
export class GroupCommit {
  readonly #waiting: Waiting[] = [];
  readonly #uncertain: (reason: unknown) => boolean;
  #onTheirWay = 0;

  /** @param uncertain whether, after this failure, a transaction may have taken place all the same: then it is not sent again */
  constructor(uncertain: (reason: unknown) => boolean) {
    this.#uncertain = uncertain;
  }

  /** Resolves when the statement has taken effect, alone or with others; rejects with why it has not, as `send` does. */
  commit(statement: Statement, send: Send): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ statement, send, resolve, reject });
      if (this.#onTheirWay < ON_THEIR_WAY) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#onTheirWay++;
    for (let group = this.#take(); group.length > 0; group = this.#take())
      await within(SLOW_MS, this.#together(group), () => undefined);
    this.#onTheirWay--;
  }

  #take(): Waiting[] {
    return this.#waiting.splice(0, MOST_TOGETHER);
  }

  async #together(group: readonly Waiting[]): Promise<void> {
    const [first] = group;
    try {
      await first?.send(group.map(({ statement }) => statement));
    } catch (error) {
      if (group.length === 1 || this.#uncertain(error)) for (const { reject } of group) reject(error);
      else
        await Promise.all(group.map(({ statement, send, resolve, reject }) => send([statement]).then(resolve, reject)));
      return;
    }
    for (const { resolve } of group) resolve();
  }
}
