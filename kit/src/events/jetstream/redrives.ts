import { backoff, pause } from '../../store/backoff.ts';
import { type Message, Postponed } from '../bus.ts';
import { isDeadly, KILLED_AGAIN } from '../failure-text.ts';
import { handleAtGate } from '../handle-in-time.ts';
import { Patience } from '../patience.ts';
import { toMessage } from './envelope.ts';
import { Overtaken } from './errors.ts';
import { type LaneContext, persistently } from './lane.ts';
import { failed, type Letter, toLetter } from './letters.ts';
import type { Outcome, Taken } from './puller.ts';

/** Others wait behind it, and whoever asked for it may ask again. */
const AWAIT_VERSION_MS = 30_000;

/** Hands the dead letters of a consumer that were asked for to its handler once more, beside its lanes: other events of the key may be in hand. */
export class Redrives {
  readonly #on: LaneContext;
  readonly #patience: Patience;

  constructor(on: LaneContext) {
    this.#on = on;
    this.#patience = new Patience(Math.min(on.awaitVersionMs, AWAIT_VERSION_MS));
  }

  async take(taken: Taken): Promise<Outcome> {
    const letter = toLetter(taken.headers, taken.payload);
    if (letter.state !== 'redrive') return taken.seq;
    if (this.#on.stopping.aborted) return 'released';
    const outcome = taken.redelivered
      ? failed(letter, letter.deliveries + 1, new Error(KILLED_AGAIN))
      : await this.#handle(letter);
    if (outcome.state === 'dead') {
      const { consumer, subject, deliveries, error } = outcome;
      this.#on.logger.error({ consumer, subject, deliveries, error }, 'dead letter failed once more');
    }
    // Somebody may have decided otherwise meanwhile: then that is what counts.
    const written = await persistently(this.#on, async () => ({
      written: await this.#on.letters.write(outcome, taken.seq).catch((error) => {
        if (!(error instanceof Overtaken)) throw error;
      }),
    }));
    return written ? taken.seq : 'released';
  }

  /** One that was interrupted is not begun again by itself. */
  stillHere(): void {}

  async #handle(letter: Letter): Promise<Letter> {
    const deliveries = letter.deliveries + 1;
    for (let postponed = 1; ; postponed++) {
      try {
        const message = toMessage(letter.subject, letter.headers, letter.payload);
        if (!this.#on.types.includes(message.type)) return await this.#leave(letter, message);
        const { publishedAt } = letter;
        const again = { ...message, position: BigInt(letter.seq), deliveries, publishedAt };
        const how = isDeadly(letter.error) ? 'alone' : 'together';
        if (!(await handleAtGate(this.#on, again, how, this.#on.stopping))) return letter;
        return { ...letter, deliveries, state: 'redriven' };
      } catch (error) {
        if (!(error instanceof Postponed)) return failed(letter, deliveries, error);
        await pause(backoff(postponed, 200, 5_000), this.#on.stopping);
        // Written anew it waits for whoever comes next, as one that nobody has begun.
        if (this.#on.stopping.aborted) return letter;
      }
    }
  }

  /** To an instance of a version that has its type. */
  async #leave(letter: Letter, { type }: Message): Promise<Letter> {
    const wait = this.#patience.next(letter.subject + letter.seq);
    if (wait === undefined) return failed(letter, letter.deliveries, new Error(`no version that runs has ${type}`));
    await pause(wait, this.#on.stopping);
    return letter;
  }
}
