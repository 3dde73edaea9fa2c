import { CompiledQuery } from 'kysely';
import type { Logger } from 'pino';
import { failPoint } from '../fail-point/index.ts';
import { within } from '../time/index.ts';
import { Alarm, backoff, pause } from './backoff.ts';
import type { ChangeFeed } from './changes.ts';
import { type Database, internals } from './database.ts';
import { BUCKETS, bucketOf } from './hash.ts';
import type { OutgoingEvent } from './outbox.ts';
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

const BATCH = 256;
const POLL_MS = 500;
const LAG_MS = 5_000;
const LAG_COUNT = 10_000;

/** Under load, turns that are this far apart find more to take: each costs a round trip here and a commit on the bus. */
const GATHER_MS = 20;

const COLUMNS = 'id, message_id, type, subject, key, headers, payload';

// Sees the rows that it deletes, too. The first of each bucket, and of these the first: so it costs the same whatever waits in other buckets. $1
// what is published, $2 what is on its way, $3 buckets.
export const TAKE = `
  WITH published AS (DELETE FROM outbox WHERE id = ANY ($1::bigint[])), next AS MATERIALIZED (
    SELECT first.id FROM unnest($3::int[]) mine (bucket) CROSS JOIN LATERAL (
      SELECT id FROM outbox WHERE outbox.bucket = mine.bucket
        AND id NOT IN (SELECT unnest($1::bigint[] || $2::bigint[]))
      ORDER BY id LIMIT ${BATCH}
    ) first ORDER BY first.id LIMIT ${BATCH}
  )
  SELECT ${COLUMNS} FROM next JOIN outbox USING (id) ORDER BY id`;
// The same where all buckets are ours, at a third of what it costs.
export const TAKE_OF_ALL = `
  WITH published AS (DELETE FROM outbox WHERE id = ANY ($1::bigint[]))
  SELECT ${COLUMNS} FROM outbox WHERE id NOT IN (SELECT unnest($1::bigint[] || $2::bigint[])) ORDER BY id LIMIT ${BATCH}`;
const LAG = `
  SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT ${LAG_COUNT}) waiting) AS backlog,
         coalesce(extract(epoch FROM clock_timestamp() - (SELECT created_at FROM outbox ORDER BY id LIMIT 1)) * 1000, 0)::int8 AS age`;

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
    let failures = 0;
    while (!this.#abort.signal.aborted) {
      try {
        const began = performance.now();
        const taken = await this.#turn();
        failures = 0;
        if (taken === 0 && this.#draining) break;
        const left = began + GATHER_MS - performance.now();
        if (taken === 0) await this.#alarm.sleep(POLL_MS);
        else if (taken < BATCH && left > 0 && !this.#draining) await pause(left, this.#abort.signal);
      } catch (error) {
        failures++;
        this.#logger[failures === 1 ? 'warn' : 'debug']({ err: error, failures }, 'events not published; trying again');
        await pause(backoff(failures, 100, 5_000), this.#abort.signal);
      } finally {
        this.#endTurn();
      }
    }
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
    const taken = this.#ahead;
    this.#ahead = undefined;
    const idsBefore = before?.rows.map(({ id }) => id) ?? [];
    const rows = await (taken ?? this.#take(idsBefore));
    if (rows.length === 0) return undefined;
    failPoint(this.#name, 'relay', 'taken');
    if (rows.length === BATCH) {
      this.#ahead = this.#take([...idsBefore, ...rows.map(({ id }) => id)]);
      this.#ahead.catch(() => undefined);
    }
    const keysBefore = new Set(before?.rows.map(({ key }) => key));
    const { free = [], held = [] } = Object.groupBy(rows, ({ key }) => (keysBefore.has(key) ? 'held' : 'free'));
    const done = settled([this.#publish(free), before?.done.then(() => this.#publish(held))]);
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
async function settled(works: readonly (Promise<void> | undefined)[]): Promise<void> {
  const failure = (await Promise.allSettled(works)).find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
}

function toEvent({ message_id: id, type, subject, key, headers, payload }: OutboxRow): OutgoingEvent {
  return { id, type, subject, key, headers, payload };
}
