import type { ConsumerInfo } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { Postponed } from '../bus.ts';
import { type Durable, filtersOf, goesBack, SKIPPED_MS } from './durables.ts';
import type { Line, Link } from './link.ts';
import type { Taken } from './puller.ts';
import { parseSubject } from './subjects.ts';

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

/** So many are handled together with the message in hand, at most. */
const MOST = 63;
/** With so few behind it, one after the other is as fast. */
const FEW = 4;
const MAX_BYTES = 1024 * 1024;
const ANSWER_MS = 500;

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
  /** Messages to take one by one: the process before may have died of any of those that it had begun together. */
  #oneByOne = 0;
  /** The connection on which the broker was found to give the durable consumer what the lane hears, and nothing else. */
  #knownOn: Line | undefined;
  /** The connection on which that was not so, or the broker did not show what is behind: it is not asked again. */
  #refusedOn: Line | undefined;

  constructor(on: AheadOptions) {
    this.#on = on;
  }

  /** What became of this message while one before it was in hand. What the lane has left behind is forgotten. */
  outcomeOf({ seq }: Taken): 'handled' | 'failed' | undefined {
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
    try {
      await handle(message);
    } catch (err) {
      if (!(err instanceof Postponed)) this.#failed.add(message.seq);
      this.#on.logger.debug({ err, subject: message.subject, seq: message.seq }, 'not handled ahead of its turn');
      return false;
    }
    this.#handled.add(message.seq);
    return true;
  }

  /**
   * Has the broker go on after a place behind the message in hand, where it still waits for word of that one and of no other.
   * @returns false where it does not: then what was handled is passed over when it is delivered
   */
  async skip({ seq }: Taken, through: number): Promise<boolean> {
    const { link, durable, logger } = this.#on;
    try {
      const { line } = link;
      const asked = performance.now();
      const info = await this.#info(line);
      // Whoever has it go back waits no longer than that for what it may not know of.
      if (performance.now() - asked > SKIPPED_MS / 2) return false;
      if (info?.num_ack_pending !== 1 || info.delivered.stream_seq !== seq || goesBack(info)) return false;
      await line.manager.consumers.reset(durable.stream, durable.name, through + 1);
      return true;
    } catch (err) {
      logger.debug({ err, durable: durable.name, through }, 'the broker was not moved on');
      return false;
    }
  }

  /** Undefined where another version of the consumer has it given something else: that must be neither overtaken nor skipped. */
  async #info(line: Line): Promise<ConsumerInfo | undefined> {
    const { stream, name, filters } = this.#on.durable;
    const info = await line.manager.consumers.info(stream, name);
    const given = filtersOf(info.config);
    if (given.length === filters.length && given.every((filter) => filters.includes(filter))) {
      this.#knownOn = line;
      return info;
    }
    this.#refusedOn = line;
    return undefined;
  }

  async #behind(seq: number): Promise<Taken[]> {
    const { link, durable, subject, types, logger } = this.#on;
    if (!link.connected || link.line === this.#refusedOn) return [];
    const { line } = link;
    const request = JSON.stringify({ seq: seq + 1, batch: MOST, max_bytes: MAX_BYTES, next_by_subj: subject });
    try {
      if (this.#knownOn !== line && !(await this.#info(line))) return [];
      const found = await line.requests.gather(`$JS.API.DIRECT.GET.${durable.stream}`, request, ANSWER_MS);
      return found.map(toTaken).filter((message) => types.has(parseSubject(message.subject).type));
    } catch (err) {
      this.#refusedOn = line;
      logger.debug({ err, durable: durable.name }, 'what is behind a message is not to be had: one after the other');
      return [];
    }
  }
}

const toTaken = ({ headers, data }: Msg): Taken => ({
  subject: headers?.get('Nats-Subject') ?? '',
  headers,
  payload: data,
  seq: Number(headers?.get('Nats-Sequence')),
  pending: 0,
  redelivered: false,
  publishedAt: new Date(headers?.get('Nats-Time-Stamp') ?? ''),
});

const keyOf = ({ subject }: Taken): string => parseSubject(subject).keyToken;
