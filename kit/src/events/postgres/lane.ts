import type pg from 'pg';
import { backoff } from '../../store/backoff.ts';
import { type Delivery, Postponed, Unreadable } from '../bus.ts';
import { describe, KILLED } from '../failure-text.ts';
import { handleInTime } from '../handle-in-time.ts';
import type { Patience } from '../patience.ts';
import type { BucketPatience, LaneContext } from './lane-context.ts';
import { Redrives } from './redrives.ts';
import { type CursorRow, inherited, toDelivery } from './rows.ts';
import { ABANDON_REDRIVES, BURY, LOAD, PEEK, REGISTER, REWIND, SAVE, WITHDRAW } from './statements.ts';
import type { Found } from './turns.ts';

const BATCH = 64;
const TRY_AGAIN_MS = 500;
const COMES_BACK_MS = 1_000;

/**
 * One bucket of one consumer, from the moment its lock was taken to the moment it is lost or given back: fetches, has
 * handled in order, and moves the cursor. Everything is written on the session that holds the lock, so that nothing is
 * written after the lock is gone.
 */
export class Lane {
  readonly bucket: number;
  readonly #on: LaneContext;
  /** Of all versions of the consumer. */
  #types: readonly string[];
  readonly #patience: Patience;
  readonly #redrives: Redrives;
  /** Up to here there is nothing left to handle. */
  scanned = 0n;
  /** The position that the cursor's row is known to have. */
  saved = 0n;
  /** What is before `scanned` has been handled, and the cursor's row does not say so yet. */
  #unsaved = false;
  #loaded = false;
  #waited = false;
  #ours = true;
  readonly #stopping = new AbortController();
  #active = false;
  #again = false;
  #redrive = true;
  /** Noted for the message after `scanned`. */
  #deliveries = 0;
  /** The process that had that message in hand is dead. */
  #suspect = false;
  #postponed = 0;
  /** A batch up to here ended its process: until then one at a time, to find out which message it was. */
  #cautiousUntil = 0n;
  #retryAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended: (() => void) | undefined;

  constructor(on: LaneContext, bucket: number, patience: BucketPatience) {
    this.#on = on;
    this.bucket = bucket;
    this.#types = on.types;
    this.#patience = patience.events;
    this.#redrives = new Redrives(on, bucket, patience.redrives, {
      query: (text, values) => this.#query(text, values),
      stopping: this.#stopping.signal,
      ours: () => this.#ours,
      later: (ms) => this.#later(ms),
    });
  }

  /** Loaded, with nothing in hand and nothing to wait for. */
  get idle(): boolean {
    return this.#loaded && !this.#active && performance.now() >= this.#retryAt;
  }

  wake(redrive = false): void {
    this.#again = true;
    if (redrive) this.#redrive = true;
    if (!this.#active && this.#ours && !this.#stopping.signal.aborted) void this.#run();
  }

  /** The lock is gone: whatever is still running here has no say any more. */
  lost(): void {
    this.#ours = false;
    clearTimeout(this.#timer);
  }

  /** Resolves after the message in hand; the cursor stands behind it. */
  async close(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    if (!this.#active) return;
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
  }

  async #run(): Promise<void> {
    this.#active = true;
    try {
      while (this.#again && this.#ours && !this.#stopping.signal.aborted) {
        this.#again = false;
        if (await this.#turn()) this.#again = true;
      }
      if (this.#unsaved && this.#ours) await this.#save(this.scanned, 0);
    } catch (error) {
      this.#on.logger.debug({ err: error, consumer: this.#on.name }, 'bucket interrupted');
      this.#later(TRY_AGAIN_MS);
    } finally {
      this.#active = false;
      this.#ended?.();
    }
  }

  #later(ms: number): void {
    if (!this.#ours || this.#stopping.signal.aborted) return;
    this.#retryAt = performance.now() + ms;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), ms);
  }

  /** The loss of the connection is heard of at once, so that what is still ours is on the connection that has the lock. */
  #query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<R[]> {
    if (!this.#ours) throw new Error('the bucket was lost');
    return this.#on.session.query<R>(text, values);
  }

  /** @returns false when it is too early to tell what has become of the last delivery. */
  async #load(): Promise<boolean> {
    const { name, types, process } = this.#on;
    const [, , [row]] = await Promise.all([
      this.#query(REGISTER, [name, this.bucket, types]),
      this.#query(ABANDON_REDRIVES, [name, this.bucket]),
      this.#query<CursorRow>(LOAD, [name, this.bucket, process.id, process.lockClass]),
    ]);
    if (!row) throw new Error(`${name} is not registered`);
    this.#types = row.types;
    const { suspect, cautiousUntil, deliveries } = inherited(row);
    if (suspect && !this.#waited) {
      // Only its connection may be lost: then the message is not to blame, and the process will be back at once.
      this.#waited = true;
      this.#later(COMES_BACK_MS);
      return false;
    }
    this.#moved(row.position, deliveries);
    this.#cautiousUntil = cautiousUntil;
    this.#suspect = suspect;
    this.#loaded = true;
    if (row.wait_ms > 0) this.#later(row.wait_ms);
    return true;
  }

  /** @returns whether there may be more to do at once. */
  async #turn(): Promise<boolean> {
    const wait = this.#retryAt - performance.now();
    if (wait > 0) {
      this.#later(wait);
      return false;
    }
    if (!this.#loaded) return await this.#load();
    if (this.#redrive) return await this.#handleAgain();
    if (this.#deliveries >= this.#on.maxDeliveries) return await this.#buryUnseen();

    const alone = this.#suspect || this.scanned < this.#cautiousUntil;
    this.#suspect = false;
    const work = () => this.#handleNext(alone);
    return (await this.#on.gate[alone ? 'alone' : 'together'](work, this.#stopping.signal)) ?? false;
  }

  async #handleNext(alone: boolean): Promise<boolean> {
    if (this.#stopping.signal.aborted || !this.#ours) return false;
    const limit = alone || this.#deliveries > 0 ? 1 : BATCH;
    const deliveries = this.#deliveries + 1;
    const { messages, scanned, more } = await this.#next(limit, deliveries);
    if (messages.length === 0) {
      this.scanned = scanned;
      return more;
    }
    this.#deliveries = deliveries;
    const batch = messages.map((message) => toDelivery(message, deliveries));
    const goesOn = await this.#handleAll(batch, batch.length < limit ? scanned : undefined);
    // Should the next one end the process, this one must not be taken for it.
    if (alone && this.#unsaved && this.#ours) await this.#save(this.scanned, 0);
    return goesOn;
  }

  /** What comes next; with the question goes what has been handled before it. */
  async #next(limit: number, deliveries: number): Promise<Found> {
    const { bucket, scanned: after } = this;
    const save = this.#unsaved;
    const found = await this.#on.turns.next({
      ...{ consumer: this.#on.name, bucket, after, types: this.#types, limit, deliveries, save },
      ...{ cautiousUntil: this.#cautiousUntil, ours: () => this.#ours },
    });
    this.#unsaved = false;
    if (save) this.saved = after;
    return found;
  }

  async #handleAll(batch: Delivery[], reach: bigint | undefined): Promise<boolean> {
    let position = this.scanned;
    for (const delivery of batch) {
      const { aborted } = this.#stopping.signal;
      const some = position > this.scanned;
      if (aborted || (some && this.#on.gate.isWanted)) {
        await this.#save(position, some ? 0 : this.#deliveries - 1);
        return !aborted;
      }
      if (!this.#on.types.includes(delivery.type)) return await this.#leave(delivery, position);
      try {
        await handleInTime(this.#on, delivery);
      } catch (error) {
        return this.#ours && (await this.#failed(delivery, error, position));
      }
      if (!this.#ours) return false;
      position = delivery.position;
      this.#postponed = 0;
    }
    this.scanned = reach ?? position;
    this.#deliveries = 0;
    this.#unsaved = true;
    return true;
  }

  /** To an instance of a version that has its type: nothing behind it is handled before. */
  async #leave({ type, position, deliveries }: Delivery, handled: bigint): Promise<boolean> {
    const { logger, name: consumer, versionsChanged, offer } = this.#on;
    await this.#save(handled, deliveries - 1);
    const wait = this.#patience.next(String(position));
    if (wait !== undefined) {
      logger.debug({ consumer, type, position: String(position) }, 'event left to another version');
      versionsChanged();
      if (!offer(this.bucket, wait)) this.#later(wait);
      return false;
    }
    const [row] = await this.#query<Pick<CursorRow, 'types'>>(WITHDRAW, [consumer, this.bucket, type]);
    if (row) this.#types = row.types;
    versionsChanged();
    logger.error({ consumer, type }, 'no version that runs has this type of event: it is passed over until one does');
    return true;
  }

  async #failed(delivery: Delivery, error: unknown, position: bigint): Promise<boolean> {
    const { logger, name, maxDeliveries, backoffMs, onGivenUp } = this.#on;
    const { deliveries, id: event, type } = delivery;
    const facts = { err: error, consumer: name, event, type, deliveries };
    if (error instanceof Unreadable || (!(error instanceof Postponed) && deliveries >= maxDeliveries)) {
      await this.#bury(delivery.position, deliveries, error);
      logger.error(facts, 'event became a dead letter');
      onGivenUp(error instanceof Unreadable ? 'unreadable' : 'failed');
      return true;
    }
    const postponed = error instanceof Postponed;
    if (postponed) this.#postponed++;
    const wait = postponed ? backoff(this.#postponed, 200, 5_000) : backoffMs(deliveries);
    const level = !postponed || this.#postponed % 20 === 1 ? 'warn' : 'debug';
    logger[level](facts, postponed ? 'event postponed' : 'event not handled; trying again');
    await this.#save(position, postponed ? deliveries - 1 : deliveries, wait);
    this.#later(wait);
    return false;
  }

  /** The next message ended its process each time: nobody is left who could have reported its failure. */
  async #buryUnseen(): Promise<boolean> {
    const { logger, name, onGivenUp } = this.#on;
    const [next] = await this.#query<{ seq: bigint }>(PEEK, [this.bucket, this.scanned, this.#types]);
    if (!next) {
      this.#deliveries = 0;
      return true;
    }
    const error = new Error(KILLED);
    await this.#bury(next.seq, this.#deliveries, error);
    logger.error({ err: error, consumer: name, position: String(next.seq) }, 'event became a dead letter');
    onGivenUp('killed');
    return true;
  }

  async #save(position: bigint, deliveries: number, waitMs: number | null = null): Promise<void> {
    await this.#query(SAVE, [this.#on.name, this.bucket, position, deliveries, this.#cautiousUntil, waitMs]);
    this.#moved(position, deliveries);
  }

  async #bury(position: bigint, deliveries: number, error: unknown): Promise<void> {
    const { message, stack } = describe(error);
    await this.#query(BURY, [this.#on.name, this.bucket, position, deliveries, message, stack, this.#cautiousUntil]);
    this.#moved(position, 0);
  }

  #moved(position: bigint, deliveries: number): void {
    this.scanned = position;
    this.saved = position;
    this.#deliveries = deliveries;
    this.#unsaved = false;
  }

  async #handleAgain(): Promise<boolean> {
    if (this.#unsaved) await this.#save(this.scanned, 0);
    const [rewound] = await this.#query<Pick<CursorRow, 'position' | 'types'>>(REWIND, [this.#on.name, this.bucket]);
    if (rewound) {
      this.#moved(rewound.position, 0);
      this.#types = rewound.types;
      this.#on.versionsChanged();
    }
    const outcome = await this.#redrives.next();
    if (outcome === 'none') this.#redrive = false;
    return this.#ours && outcome !== 'waits';
  }
}
