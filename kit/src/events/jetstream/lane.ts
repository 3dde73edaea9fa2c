import type { Logger } from 'pino';
import { backoff, pause } from '../../store/backoff.ts';
import { type ConsumerOptions, type Delivery, type GivenUp, Postponed, Unreadable } from '../bus.ts';
import { KILLED } from '../failure-text.ts';
import type { Gate } from '../gate.ts';
import { handleAtGate, handleInTime } from '../handle-in-time.ts';
import type { Ahead } from './ahead.ts';
import type { Attempts } from './attempts.ts';
import { plainHeaders, toMessage } from './envelope.ts';
import { failed, type Letters } from './letters.ts';
import type { Others } from './others.ts';
import type { Outcome, Taken } from './puller.ts';

export interface LaneContext extends Required<ConsumerOptions> {
  readonly letters: Letters;
  readonly ackWaitMs: number;
  /** Handlers that run here, of all consumers of the bus: whatever may have killed a process runs alone, so that nothing else is taken for it. */
  readonly gate: Gate;
  readonly logger: Logger;
  /** Aborts when the consumer stops. */
  readonly stopping: AbortSignal;
}

type Ending = 'done' | 'released';

/**
 * One bucket of the events of one service, for one consumer. Has its messages handled in order of each key: one that fails
 * stays in hand until it is handled or a dead letter, and with it all behind it but for the few of other keys that were begun
 * together with it.
 */
export class Lane {
  readonly #on: LaneContext;
  readonly #service: string;
  readonly #attempts: Attempts;
  readonly #others: Others;
  readonly #ahead: Ahead;
  /** Of the message in hand, while its handler runs. */
  #begun = 0;

  constructor(on: LaneContext, service: string, attempts: Attempts, others: Others, ahead: Ahead) {
    this.#on = on;
    this.#service = service;
    this.#attempts = attempts;
    this.#others = others;
    this.#ahead = ahead;
  }

  async take(taken: Taken): Promise<Outcome> {
    const before = this.#ahead.outcomeOf(taken);
    if (before === 'handled') return taken.seq;
    const ending = this.#takeOne(taken, before === 'failed');
    const over = ending.then(
      (how) => how === 'done',
      () => false,
    );
    const handle = async (message: Taken) => {
      const begun = await handleAtGate(this.#on, toDelivery(message, 1), 'together', this.#on.stopping);
      if (!begun) throw new Postponed(new Error('the consumer stops'));
    };
    const through = await this.#ahead.with(taken, over, handle);
    return (await ending) === 'done' ? through : 'released';
  }

  async #takeOne(taken: Taken, failedAhead: boolean): Promise<Ending> {
    const { backoffMs, maxDeliveries, stopping } = this.#on;
    if (stopping.aborted) {
      // Not even looked at: this delivery must not count.
      if (!taken.redelivered) await this.#attempts.write(taken.seq, 0).catch(() => undefined);
      return 'released';
    }
    const tried = taken.redelivered ? await this.#triedBefore(taken) : failedAhead ? Math.min(1, maxDeliveries - 1) : 0;
    if (tried === undefined) return 'released';
    if (tried >= maxDeliveries) return await this.#bury(taken, tried, new Error(KILLED), 'killed');
    let delivery: Delivery;
    try {
      delivery = toDelivery(taken, tried + 1);
    } catch (error) {
      return await this.#bury(taken, tried + 1, error, 'envelope');
    }
    if (!this.#on.types.includes(delivery.type)) {
      if (!taken.redelivered) await this.#attempts.write(taken.seq, 0).catch(() => undefined);
      return await this.#others.leave(taken, delivery.type);
    }
    if (failedAhead) await pause(backoffMs(1), stopping);
    return await this.#handle(taken, delivery);
  }

  /** @returns undefined when the consumer stops before it is known. */
  async #triedBefore(taken: Taken): Promise<number | undefined> {
    const { ackWaitMs, maxDeliveries, stopping } = this.#on;
    const read = () => persistently(this.#on, async () => ({ tried: await this.#attempts.read(taken.seq) }));
    let noted = await read();
    if (noted?.tried !== undefined && noted.tried >= maxDeliveries) {
      // Only its connection may be lost: then it is not the message's fault, as its process will say when it is back.
      await pause(ackWaitMs, stopping);
      noted = await read();
    }
    if (!noted || stopping.aborted) return undefined;
    // Whoever began it first left no note. It may also never have got there: then it is given once more, with a note.
    return noted.tried ?? Math.min(1, maxDeliveries - 1);
  }

  /** The connection was lost and is there again: others may have been given the message, which is not its fault. */
  stillHere({ seq }: Taken): void {
    if (this.#begun > 0) this.#attempts.write(seq, this.#begun - 1).catch(() => undefined);
  }

  async #handle(taken: Taken, first: Delivery): Promise<Ending> {
    const { gate, logger, name, maxDeliveries, backoffMs, stopping } = this.#on;
    let delivery = first;
    let postponed = 0;
    while (!stopping.aborted) {
      const { deliveries, id: event, type } = delivery;
      let wait: number;
      try {
        const attempt = () => this.#attempt(taken, delivery);
        const suspect = taken.redelivered && delivery === first;
        if (!(await gate[suspect ? 'alone' : 'together'](attempt, stopping))) break;
        // A broker that forgets the acknowledgement must not take it for one that nobody survives.
        if (deliveries > 1) await this.#note(taken, 0);
        return 'done';
      } catch (error) {
        const facts = { err: error, consumer: name, event, type, deliveries };
        if (error instanceof Unreadable || (!(error instanceof Postponed) && deliveries >= maxDeliveries))
          return await this.#bury(taken, deliveries, error, error instanceof Unreadable ? 'unreadable' : 'failed');
        if (error instanceof Postponed) {
          postponed++;
          if ((postponed === 1 || deliveries > 1) && !(await this.#note(taken, deliveries - 1))) break;
          wait = backoff(postponed, 200, 5_000);
          logger[postponed % 20 === 1 ? 'warn' : 'debug'](facts, 'event postponed');
        } else {
          wait = backoffMs(deliveries);
          logger.warn(facts, 'event not handled; trying again');
          delivery = { ...delivery, deliveries: deliveries + 1 };
        }
      }
      await pause(wait, stopping);
    }
    return 'released';
  }

  /** @returns false when the consumer stops before it has begun. */
  async #attempt(taken: Taken, delivery: Delivery): Promise<boolean> {
    const { deliveries } = delivery;
    if (this.#on.stopping.aborted) return false;
    if (deliveries > 1 && !(await this.#note(taken, deliveries))) return false;
    this.#begun = deliveries;
    try {
      await handleInTime(this.#on, delivery);
    } finally {
      this.#begun = 0;
    }
    return true;
  }

  /** @returns false when the consumer stops before it could be written. */
  async #note({ seq }: Taken, tried: number): Promise<boolean> {
    return (
      (await persistently(this.#on, async () => ({ written: await this.#attempts.write(seq, tried) }))) !== undefined
    );
  }

  async #bury(taken: Taken, deliveries: number, error: unknown, cause: GivenUp): Promise<Ending> {
    const { letters, logger, name, onGivenUp } = this.#on;
    const { subject, payload, seq, publishedAt } = taken;
    const headers = plainHeaders(taken.headers);
    const base = { consumer: name, service: this.#service, seq, subject, headers, payload, publishedAt };
    const empty = { deliveries, error: '', stack: '', failedAt: publishedAt, state: 'dead' } as const;
    const letter = failed({ ...base, ...empty }, deliveries, error);
    const written = await persistently(this.#on, async () => ({ written: await letters.write(letter) }));
    if (!written) return 'released';
    const facts = { err: error, consumer: name, event: headers['ce-id'], subject, position: String(seq), deliveries };
    logger.error(facts, 'event became a dead letter');
    onGivenUp(cause);
    return 'done';
  }
}

/** @throws Unreadable */
function toDelivery({ subject, headers, payload, seq, publishedAt }: Taken, deliveries: number): Delivery {
  const message = toMessage(subject, plainHeaders(headers), payload);
  return { ...message, position: BigInt(seq), deliveries, publishedAt };
}

/** Tries until it succeeds. @returns undefined when the consumer stops before. */
export async function persistently<T extends object>(
  { stopping, logger, name }: LaneContext,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (stopping.aborted) return undefined;
      logger[attempt === 10 ? 'warn' : 'debug'](
        { err: error, consumer: name, attempt },
        'bus not written; trying again',
      );
      await pause(backoff(attempt, 50, 2_000), stopping);
    }
  }
}
