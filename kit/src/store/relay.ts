import { CompiledQuery } from 'kysely';
import type { Logger } from 'pino';
import { failPoint } from '../fail-point/index.ts';
import { allEnded, within } from '../time/index.ts';
import { Alarm, backoff, pause } from './backoff.ts';
import type { ChangeFeed } from './changes.ts';
import { type Database, internals } from './database.ts';
import { BUCKETS, bucketOf } from './hash.ts';
import type { OutgoingEvent } from './outbox.ts';
import { BATCH, FORGET, LAG, TAKE, TAKE_OF_ALL } from './relay-statements.ts';
import type { Session } from './session.ts';

/** Where the relay publishes: resolves when all messages are durable, and ignores ids that it has already. */
export interface EventSink {
  publish(messages: readonly OutgoingEvent[]): Promise<void>;
}

export interface OutboxLag {
  /** Events not yet on the bus, counted up to 10,000. */
  readonly backlog: number;
  /** Age of the oldest of them in milliseconds. */
  readonly oldestAgeMs: number;
}

export interface RelayOptions<S> {
  readonly db: Database<S>;
  readonly bus: EventSink;
  readonly logger: Logger;
  /** Called every five seconds. */
  readonly onLag?: (lag: OutboxLag) => void;
}

export interface Relay {
  /** Committed events that are not on the bus yet, of all processes. */
  backlog(): Promise<number>;
  /** Publishes what is there, for at most `withinMs` (5,000), and leaves the rest to the next one. */
  stop(withinMs?: number): Promise<void>;
}

const POLL_MS = 500;
const LAG_MS = 5_000;

/** Under load, turns that are this far apart find more to take: each costs a round trip here and a commit on the bus. */
const GATHER_MS = 20;

interface OutboxRow {
  readonly id: bigint;
  readonly message_id: string;
  readonly type: string;
  readonly subject: string;
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly payload: Buffer;
}

interface Sending {
  readonly rows: readonly OutboxRow[];
  /** Resolves when all of them are durable. */
  readonly done: Promise<void>;
}

/**
 * Takes committed events from the outbox to the bus, whichever process wrote them: at least once, and in order for each
 * key as long as transactions that publish for one key follow each other (they do when they update its row). Relays on
 * the same database share the buckets. A failed batch is tried again until it succeeds.
 */
export function startRelay<S>({ db, bus, logger, onLag }: RelayOptions<S>): Relay {
  const { session, leases, changes } = internals(db);
  const relay = new OutboxRelay(db.name, session(), changes, bus, logger, onLag);
  const leave = leases().join('outbox', relay);
  relay.start();
  return {
    async backlog() {
      const { rows } = await db.read.executeQuery(CompiledQuery.raw('SELECT count(*) AS backlog FROM outbox'));
      return Number((rows[0] as { backlog: bigint } | undefined)?.backlog ?? 0n);
    },
    async stop(withinMs = 5_000) {
      await relay.stop(withinMs);
      await leave();
    },
  };
}

class OutboxRelay {
  readonly #name: string;
  readonly #session: Session;
  readonly #changes: ChangeFeed;
  readonly #bus: EventSink;
  readonly #logger: Logger;
  readonly #onLag: ((lag: OutboxLag) => void) | undefined;
  readonly #owned = new Set<number>();
  readonly #alarm = new Alarm();
  readonly #abort = new AbortController();
  readonly #unsubscribe: () => void;
  /** Ids that are on the bus and not deleted yet. */
  #published: bigint[] = [];
  /** The batch after the one in flight, where there was enough to fill that. */
  #ahead: Promise<OutboxRow[]> | undefined;
  /** A full batch that is being published while the next one is. */
  #onItsWay: Sending | undefined;
  /** In a row. */
  #failures = 0;
  #turnsBegun = 0;
  #turnEnded = new Set<(begun: number) => void>();
  #draining = false;
  #running: Promise<unknown> | undefined;

  constructor(
    name: string,
    session: Session,
    changes: ChangeFeed,
    bus: EventSink,
    logger: Logger,
    onLag: ((lag: OutboxLag) => void) | undefined,
  ) {
    this.#name = name;
    this.#session = session;
    this.#changes = changes;
    this.#bus = bus;
    this.#logger = logger;
    this.#onLag = onLag;
    const relays = (key: string) => this.#owned.has(bucketOf(key));
    changes.relaysHere = relays;
    this.#unsubscribe = changes.subscribe((what) => {
      if (what === 'all' || what.some(relays)) this.#alarm.wake();
    });
  }

  start(): void {
    this.#running = Promise.all([this.#run(), this.#onLag && this.#measure(this.#onLag)]);
  }

  acquired(bucket: number): void {
    this.#owned.add(bucket);
    this.#ahead = undefined;
    this.#alarm.wake();
  }

  lost(): void {
    this.#owned.clear();
    this.#ahead = undefined;
  }

  /** Resolves after the batches in flight: what is taken from now on has nothing of this bucket. */
  async release(bucket: number): Promise<void> {
    this.#owned.delete(bucket);
    this.#ahead = undefined;
    if (this.#abort.signal.aborted) return;
    const after = this.#turnsBegun;
    this.#alarm.wake();
    await new Promise<void>((resolve) => {
      const ended = (begun: number) => {
        if (begun <= after && !this.#abort.signal.aborted) return;
        this.#turnEnded.delete(ended);
        resolve();
      };
      this.#turnEnded.add(ended);
    });
    await this.#forgetPublished();
  }

  async stop(withinMs: number): Promise<void> {
    this.#draining = true;
    this.#alarm.wake();
    await within(withinMs, Promise.resolve(this.#running), () => undefined);
    this.#abort.abort();
    this.#alarm.wake();
    this.#endTurn();
    this.#unsubscribe();
    this.#changes.relaysHere = () => false;
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        const began = performance.now();
        const taken = await this.#turn();
        if (taken === 0 && this.#draining) break;
        const left = began + GATHER_MS - performance.now();
        if (taken === 0) await this.#alarm.sleep(POLL_MS);
        else if (taken < BATCH && left > 0 && !this.#draining) await pause(left, this.#abort.signal);
      } catch (error) {
        const failures = ++this.#failures;
        this.#logger[failures === 1 ? 'warn' : 'debug']({ err: error, failures }, 'events not published; trying again');
        await pause(backoff(failures, 100, 5_000), this.#abort.signal);
      } finally {
        this.#endTurn();
      }
    }
    await this.#forgetPublished();
    this.#abort.abort();
    this.#endTurn();
  }

  /**
   * Takes the next batch to the bus, while the one before may still be on its way and the one after is read. Events of a key that is on its way
   * wait, so that a repeated one cannot be overtaken.
   */
  async #turn(): Promise<number> {
    this.#turnsBegun++;
    const before = this.#onItsWay;
    this.#onItsWay = undefined;
    let sending: Sending | undefined;
    try {
      sending = await this.#send(before);
      await before?.done;
      if (sending?.rows.length === BATCH) this.#onItsWay = sending;
      else await sending?.done;
      // A first batch of several may still fail.
      if (before || !this.#onItsWay) this.#failures = 0;
    } catch (error) {
      // What was not published comes first again, when nothing is on its way any more.
      this.#ahead = undefined;
      this.#onItsWay = undefined;
      await Promise.allSettled([before?.done, sending?.done]);
      throw error;
    }
    return sending?.rows.length ?? 0;
  }

  async #send(before: Sending | undefined): Promise<Sending | undefined> {
    if (!this.#session.connected) return undefined;
    if (this.#owned.size === 0 && this.#published.length === 0) return undefined;
    const { epoch } = this.#session;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const idsBefore = before?.rows.map(({ id }) => id) ?? [];
    let rows = (await ahead) ?? [];
    // Where it was read ahead more may have come since.
    if (rows.length === 0) rows = await this.#take(idsBefore);
    if (rows.length === 0) return undefined;
    failPoint(this.#name, 'relay', 'taken');
    if (rows.length === BATCH) {
      this.#ahead = this.#take([...idsBefore, ...rows.map(({ id }) => id)]);
      this.#ahead.catch(() => undefined);
    }
    const keysBefore = new Set(before?.rows.map(({ key }) => key));
    const { free = [], held = [] } = Object.groupBy(rows, ({ key }) => (keysBefore.has(key) ? 'held' : 'free'));
    const afterwards = async () => {
      await before?.done;
      if (this.#abort.signal.aborted || this.#session.epoch !== epoch) throw new Error('the buckets are given up');
      await this.#publish(held);
    };
    const done = allEnded(held.length > 0 ? [this.#publish(free), afterwards()] : [this.#publish(free)]);
    done.catch(() => undefined);
    return { rows, done };
  }

  async #publish(rows: readonly OutboxRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#bus.publish(rows.map(toEvent));
    failPoint(this.#name, 'relay', 'published');
    this.#published.push(...rows.map(({ id }) => id));
  }

  async #take(onTheirWay: readonly bigint[]): Promise<OutboxRow[]> {
    const published = this.#published;
    this.#published = [];
    try {
      return this.#owned.size === BUCKETS
        ? await this.#session.query<OutboxRow>(TAKE_OF_ALL, [published, onTheirWay])
        : await this.#session.query<OutboxRow>(TAKE, [published, onTheirWay, [...this.#owned]]);
    } catch (error) {
      this.#published.push(...published);
      throw error;
    }
  }

  /** Whoever has a bucket next is not to publish again what is on the bus. */
  async #forgetPublished(): Promise<void> {
    const published = this.#published;
    if (published.length === 0) return;
    this.#published = [];
    await this.#session.query(FORGET, [published]).catch(() => void this.#published.push(...published));
  }

  #endTurn(): void {
    for (const ended of this.#turnEnded) ended(this.#turnsBegun);
  }

  async #measure(onLag: (lag: OutboxLag) => void): Promise<void> {
    while (!this.#draining && !this.#abort.signal.aborted) {
      try {
        const [row] = await this.#session.query<{ backlog: bigint; age: bigint }>(LAG);
        onLag({ backlog: Number(row?.backlog ?? 0n), oldestAgeMs: Number(row?.age ?? 0n) });
      } catch (error) {
        this.#logger.debug({ err: error }, 'lag not measured');
      }
      await pause(this.#session.connected ? LAG_MS : POLL_MS, this.#abort.signal);
    }
  }
}

/** Resolves when all do. Rejects when one has, and all have come to an end. */
function toEvent({ message_id: id, type, subject, key, headers, payload }: OutboxRow): OutgoingEvent {
  return { id, type, subject, key, headers, payload };
}
