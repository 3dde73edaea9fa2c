import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { Slots } from '../../store/slots.ts';
import { Postponed } from '../bus.ts';
import { type Durable, filtersOf, goesBack, SKIPPED_MS } from './durables.ts';
import { leased, type Seen } from './lease.ts';
import type { Link } from './link.ts';
import type { Taken } from './puller.ts';
import { changesOf, parseSubject } from './subjects.ts';

export interface AheadOptions {
  readonly link: Link;
  readonly durable: Durable;
  /** What the lane hears. */
  readonly types: ReadonlySet<string>;
  /** One subject, with wildcards, that has all that the lane hears. */
  readonly subject: string;
  readonly logger: Logger;
  /** Aborts when the consumer stops. */
  readonly stopping: AbortSignal;
}

/** So many are looked at together with the message in hand. */
const MOST = 63;
/** And so many of these are handled at a time: no lane has more than its share of what runs here. */
const AT_ONCE = 8;
/** With so few behind it, one after the other is as fast. */
const FEW = 4;
const MAX_BYTES = 1024 * 1024;
const ANSWER_MS = 500;
/** After the broker did not answer, or gives the durable consumer what is not heard here. */
const REST_MS = 10_000;

/**
 * Handles what is behind the message in hand together with it: until that one is acknowledged the broker gives nobody any
 * other of the lane. Those of one key are handled in order; one that fails is left for its own turn, and with it all behind
 * it of its key.
 */
export class Ahead {
  readonly #on: AheadOptions;
  readonly #handled = new Set<number>();
  /** What was tried once, in vain. */
  readonly #failed = new Set<number>();
  readonly #slots = new Slots(AT_ONCE);
  /** The last message in hand, or the last place skipped: from there the broker counts anew. */
  #last: Pick<Taken, 'seq' | 'given'> | undefined;
  /** Messages to take one by one: the process before may have died of any of those that it had begun together. */
  #oneByOne = 0;
  #restsUntil = 0;
  readonly #leaseSeen: Seen = { seq: -1, since: 0 };

  constructor(on: AheadOptions) {
    this.#on = on;
  }

  /**
   * What became of this message while one before it was in hand. That holds for what the broker gives next: once it has gone back, or
   * somebody else was given something, nothing is known any more.
   */
  outcomeOf({ seq, given }: Taken): 'handled' | 'failed' | undefined {
    const last = this.#last;
    const follows = last && seq > last.seq && given === last.given + 1;
    if (!follows) for (const known of [this.#handled, this.#failed]) known.clear();
    this.#last = { seq, given };
    const outcome = this.#handled.has(seq) ? 'handled' : this.#failed.has(seq) ? 'failed' : undefined;
    for (const known of [this.#handled, this.#failed]) for (const place of known) if (place <= seq) known.delete(place);
    return outcome;
  }

  /**
   * Handles what is behind the message in hand.
   * @param over resolves to whether what is behind that message, of its own key, may follow
   * @returns when nothing of it is under way any more: the place up to which everything behind it is handled
   */
  async with(inHand: Taken, over: Promise<boolean>, handle: (message: Taken) => Promise<void>): Promise<number> {
    if (inHand.redelivered) this.#oneByOne = MOST;
    else if (this.#oneByOne > 0) this.#oneByOne--;
    if (this.#oneByOne > 0 || inHand.pending < FEW || this.#on.stopping.aborted) return inHand.seq;
    const behind = await this.#behind(inHand.seq);
    const last = new Map([[keyOf(inHand), over]]);
    for (const message of behind) {
      const key = keyOf(message);
      last.set(key, this.#after(last.get(key), message, handle));
    }
    await Promise.all(last.values());
    let through = inHand.seq;
    for (const { seq } of behind) {
      if (!this.#handled.has(seq)) break;
      through = seq;
    }
    return through;
  }

  /** @returns whether the next one of its key may follow. */
  async #after(
    before: Promise<boolean> | undefined,
    message: Taken,
    handle: (message: Taken) => Promise<void>,
  ): Promise<boolean> {
    if (before && !(await before)) return false;
    if (this.#handled.has(message.seq)) return true;
    if (this.#failed.has(message.seq) || this.#on.stopping.aborted) return false;
    const giveBack = await this.#slots.take();
    try {
      if (this.#on.stopping.aborted) return false;
      await handle(message);
    } catch (err) {
      const { subject, seq } = message;
      const postponed = err instanceof Postponed;
      if (!postponed) this.#failed.add(seq);
      this.#on.logger[postponed ? 'debug' : 'warn'](
        { err, subject, seq },
        'event not handled; trying again in its turn',
      );
      return false;
    } finally {
      giveBack();
    }
    this.#handled.add(message.seq);
    return true;
  }

  /**
   * Has the broker go on after a place behind the message in hand, while nobody may have it go back.
   * @returns false where it does not: then what was handled is passed over when it is delivered
   */
  async skip({ seq }: Taken, through: number): Promise<boolean> {
    const { link, durable, logger } = this.#on;
    const { consumer, stream, name } = durable;
    try {
      return await leased(
        link,
        changesOf(consumer, stream, name),
        { waitMs: 0, seen: this.#leaseSeen },
        async (lease) => {
          const { manager } = link.line;
          const asked = performance.now();
          const info = await this.#info(manager);
          // An instance of a version before leases that has it go back waits no longer than that for what it may not know of.
          if (performance.now() - asked > SKIPPED_MS / 2) return false;
          if (info?.num_ack_pending !== 1 || info.delivered.stream_seq !== seq || goesBack(info)) return false;
          lease.check();
          await manager.consumers.reset(stream, name, through + 1);
          this.#last = { seq: through, given: 0 };
          return true;
        },
      );
    } catch (err) {
      logger.debug({ err, durable: name, through }, 'the broker was not moved on');
      return false;
    }
  }

  /** Undefined where another version of the consumer has it given something else: that must be neither overtaken nor skipped. */
  async #info(manager: JetStreamManager): Promise<ConsumerInfo | undefined> {
    const { stream, name, filters } = this.#on.durable;
    const info = await manager.consumers.info(stream, name);
    const given = filtersOf(info.config);
    return given.length === filters.length && given.every((filter) => filters.includes(filter)) ? info : undefined;
  }

  async #behind(seq: number): Promise<Taken[]> {
    const { link, durable, subject, types, logger } = this.#on;
    if (!link.connected || performance.now() < this.#restsUntil) return [];
    const { manager, requests } = link.line;
    const request = JSON.stringify({ seq: seq + 1, batch: MOST, max_bytes: MAX_BYTES, next_by_subj: subject });
    try {
      const found = await requests.gather(`$JS.API.DIRECT.GET.${durable.stream}`, request, ANSWER_MS);
      // Asked when they are there: what another version has it given from then on is behind all of them.
      if (await this.#info(manager))
        return found.map(toTaken).filter((message) => types.has(parseSubject(message.subject).type));
      logger.debug({ durable: durable.name }, 'another version hears more: one after the other');
    } catch (err) {
      logger.debug({ err, durable: durable.name }, 'what is behind a message is not to be had: one after the other');
    }
    this.#restsUntil = performance.now() + REST_MS;
    return [];
  }
}

const toTaken = ({ headers, data }: Msg): Taken => ({
  subject: headers?.get('Nats-Subject') ?? '',
  headers,
  payload: data,
  seq: Number(headers?.get('Nats-Sequence')),
  given: 0,
  pending: 0,
  redelivered: false,
  publishedAt: new Date(headers?.get('Nats-Time-Stamp') ?? ''),
});

const keyOf = ({ subject }: Taken): string => parseSubject(subject).keyToken;
