import type { Logger } from 'pino';
import { pause } from '../../store/backoff.ts';
import { Patience } from '../patience.ts';
import type { Taken } from './puller.ts';

export interface OthersContext {
  /** Of the consumer. */
  readonly name: string;
  readonly awaitVersionMs: number;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
}

/** Leaves messages of types that this version of the consumer does not have to instances of one that does. */
export class Others {
  readonly #on: OthersContext;
  readonly #patience: Patience;
  readonly #withdraw: (type: string) => Promise<boolean>;

  /** @param withdraw has the broker give the consumer no more messages of that type in this bucket; false when the consumer stops before */
  constructor(on: OthersContext, withdraw: (type: string) => Promise<boolean>) {
    this.#on = on;
    this.#patience = new Patience(on.awaitVersionMs);
    this.#withdraw = withdraw;
  }

  async leave({ seq }: Taken, type: string): Promise<'done' | 'released'> {
    const { logger, name: consumer, stopping } = this.#on;
    const wait = this.#patience.next(String(seq));
    if (wait !== undefined) {
      logger.debug({ consumer, type, position: String(seq) }, 'event left to another version');
      await pause(wait, stopping);
      return 'released';
    }
    if (!(await this.#withdraw(type))) return 'released';
    logger.error({ consumer, type }, 'no version that runs has this type of event: it is passed over until one does');
    // It stays in its stream: whoever has the type given again goes back to it.
    return 'done';
  }
}
