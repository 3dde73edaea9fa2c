import { type Compilable, CompiledQuery, type IsolationLevel, Kysely } from 'kysely';
import type pg from 'pg';
import type { Logger } from 'pino';
import { currentContext, idsFrom, ORDER_HEADER } from '../context/index.ts';
import { failPoint, fault } from '../fail-point/index.ts';
import { childOf, type DatabaseSpans, formatTraceparent, parseTraceparent, type SpanWork } from '../telemetry/index.ts';
import { within } from '../time/index.ts';
import { backoff, pause } from './backoff.ts';
import { ChangeFeed, type Changes, OUTBOX_CHANNEL } from './changes.ts';
import type { Expectation } from './deferred.ts';
import { connectionOf, type PooledConnection, poolDialect } from './driver.ts';
import { DatabaseUnavailable, isRetryable } from './errors.ts';
import { Leases } from './leases.ts';
import { assertPublishable, insertOutbox, type OutgoingEvent } from './outbox.ts';
import { connectionConfig, createPool, endPool } from './pool.ts';
import { Session } from './session.ts';

export interface DatabaseOptions {
  readonly url: string;
  /** Of the service; the server shows it as the application's name. */
  readonly name: string;
  /** Default 10. One more connection is used when there is a relay or a listener for changes. */
  readonly maxConnections?: number;
  /** Default 10,000 ms. */
  readonly statementTimeoutMs?: number;
  readonly logger: Logger;
  readonly now?: () => Date;
  /** Is told what is asked of the database within traces. */
  readonly spans?: DatabaseSpans;
}

/** One transaction of a service: state and events are saved together or not at all. */
export interface UnitOfWork<Schema> {
  readonly sql: Kysely<Schema>;
  /** 1 at first; above it the work runs again, and does well to lock what it reads. */
  readonly attempt: number;
  /** Has the events saved with the commit, in this order, after everything else. The relay publishes them. */
  publish(...events: readonly OutgoingEvent[]): void;
  /**
   * Has a statement sent together with the commit: no round trip of its own. Its result is not seen, its failure is; so is, with
   * an expectation, that it changed another number of rows (it has no RETURNING). All that is deferred, and the outbox rows of
   * what is published, become one statement to the server: none sees what another does, and no two change one row.
   */
  defer(statement: Compilable | CompiledQuery, expected?: Expectation): void;
  /** Calls back when the commit is known to have taken place. */
  onCommit(callback: () => void): void;
  /** Calls back when it is not, before the work runs again or its failure is thrown. */
  onAbort(callback: () => void): void;
}

export interface TransactionOptions {
  /** Default: read committed. */
  readonly isolation?: IsolationLevel;
  /** Nobody waits for it: while it holds a connection it leaves a quarter of the pool, and one at least, to others. */
  readonly background?: boolean;
}

export interface Database<Schema> {
  readonly name: string;
  /** For reads outside of a transaction. Statements are prepared once a connection. */
  readonly read: Kysely<Schema>;
  /**
   * Runs the work in a transaction and commits it. After a serialization failure, a deadlock or Outdated the whole work runs
   * again, at most three times: it touches nothing but `tx`. The promise rejects with what the work threw, or with
   * DatabaseUnavailable (when the connection went away during the commit, it may have taken place) or DatabaseContended.
   */
  transaction<T>(work: (tx: UnitOfWork<Schema>) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Hears of the aggregates whose published changes any process has committed: of its own process's at once, of others' within
   * about 100 ms. Holds no promise of order or number.
   */
  onChange(listener: (changes: Changes) => void): () => void;
  /** Calls back with the events of each transaction that this process has committed. */
  onPublished(listener: (events: readonly OutgoingEvent[]) => void): void;
  /** @throws DatabaseUnavailable when the database has not answered within two seconds. */
  check(): Promise<void>;
  stats(): { readonly total: number; readonly idle: number; readonly waiting: number };
  /** Waits for the work in hand, at most `withinMs` (5,000), and ends all connections. */
  close(withinMs?: number): Promise<void>;
}

/** What the other files of this room need of a database, and nobody else. */
export interface Internals {
  readonly logger: Logger;
  readonly now: () => Date;
  readonly connectionConfig: pg.ClientConfig;
  readonly pool: pg.Pool;
  /** Connected on first use. */
  session(): Session;
  readonly changes: ChangeFeed;
  leases(): Leases;
}

const RETRIES = 3;
const internalsOf = new WeakMap<object, Internals>();

export function internals<S>(db: Database<S>): Internals {
  const found = internalsOf.get(db);
  if (!found) throw new Error('not a database of this store');
  return found;
}

/** Opens a database. Connects when it is first used, and again whenever connections were lost. */
export function openDatabase<Schema>(options: DatabaseOptions): Database<Schema> {
  const { name, logger, now = () => new Date() } = options;
  const settings = { maxConnections: 10, statementTimeoutMs: 10_000, ...options };
  const config = connectionConfig(settings);
  const pool = createPool(settings);
  const read = new Kysely<Schema>({ dialect: poolDialect(pool, options.spans) });
  const onPublished: ((events: readonly OutgoingEvent[]) => void)[] = [];
  let session: Session | undefined;
  let leases: Leases | undefined;

  const useSession = () => {
    if (!session) {
      session = new Session({ config, channels: [OUTBOX_CHANNEL], logger });
      session.start();
    }
    return session;
  };

  const changes = new ChangeFeed(pool, useSession, logger);

  // What is committed stays committed, whatever those who hear of it do.
  const call = (callbacks: readonly (() => void)[]) => {
    for (const callback of callbacks) {
      try {
        callback();
      } catch (error) {
        logger.error({ err: error }, 'callback of a transaction failed');
      }
    }
  };

  const once = async <T>(
    work: (tx: UnitOfWork<Schema>) => Promise<T>,
    attempt: number,
    { isolation, background = false }: TransactionOptions,
  ): Promise<T> => {
    const events: OutgoingEvent[] = [];
    const endings: Endings = { commit: [], abort: [] };
    const begin = isolation ? read.transaction().setIsolationLevel(isolation) : read.transaction();
    let sent: readonly Sent[] = [];
    const executed = begin.execute(async (sql) => {
      const connection = await connectionOf(sql);
      connection.background = background;
      const unit = unitOfWork(sql, attempt, connection, events, endings);
      const done = await work(unit.tx);
      unit.close();
      sent = options.spans ? withSpans(events, options.spans) : [];
      if (events.length > 0) {
        const { text, values } = insertOutbox(events);
        if (fault('publish-before-commit')) await read.executeQuery(CompiledQuery.raw(text, [...values]));
        else connection.defer(text, values);
      }
      failPoint(name, 'commit', 'begun');
      return done;
    });
    const result = await executed.catch((error: unknown) => {
      call(endings.abort);
      throw error;
    });
    failPoint(name, 'commit', 'done');
    call(endings.commit);
    for (const { event, work, startTime } of sent) options.spans?.published(event, work, startTime);
    if (events.length > 0) {
      currentContext()?.changed?.();
      for (const listener of onPublished) listener(events);
    }
    if (events.length > 0) changes.announce(events.map((event) => event.key));
    return result;
  };

  const db: Database<Schema> = {
    name,
    read,
    async transaction(work, options = {}) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(work, attempt, options);
        } catch (error) {
          if (attempt > RETRIES || !isRetryable(error)) throw error;
          logger.debug({ err: error, attempt }, 'transaction tried again');
          await pause(backoff(attempt, 10, 200));
        }
      }
    },
    onPublished: (listener) => void onPublished.push(listener),
    onChange: (listener) => changes.subscribe(listener),
    async check() {
      const answered = pool.query('SELECT 1').catch((error) => {
        throw new DatabaseUnavailable(error);
      });
      await within(2_000, answered, () => {
        throw new DatabaseUnavailable(new Error('no answer within 2 s'));
      });
    },
    stats: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close(withinMs = 5_000) {
      await leases?.stop();
      await within(withinMs, changes.flushed(), () => undefined);
      await session?.stop();
      await endPool(pool, withinMs);
    },
  };
  internalsOf.set(db, {
    logger,
    now,
    connectionConfig: config,
    pool,
    session: useSession,
    changes,
    leases: () => (leases ??= new Leases(useSession(), logger)),
  });
  return db;
}

interface Sent {
  readonly event: OutgoingEvent;
  readonly work: SpanWork;
  readonly startTime: number;
}

/** Has each event name the span by which it is published, instead of the one that published it, and whether its trace is recorded by now. */
function withSpans(events: OutgoingEvent[], spans: DatabaseSpans): readonly Sent[] {
  const startTime = Date.now();
  return events.flatMap((event, index) => {
    const parent = parseTraceparent(event.headers.traceparent);
    if (!parent) return [];
    const trace = childOf({ ...parent, sampled: spans.records(parent) });
    events[index] = { ...event, headers: { ...event.headers, traceparent: formatTraceparent(trace) } };
    const correlationId = event.headers['correlation-id'] ?? '';
    return [{ event, work: { trace, correlationId, spanAttributes: idsFrom(event.headers[ORDER_HEADER]) }, startTime }];
  });
}

interface Endings {
  readonly commit: (() => void)[];
  readonly abort: (() => void)[];
}

function unitOfWork<Schema>(
  sql: Kysely<Schema>,
  attempt: number,
  connection: PooledConnection,
  events: OutgoingEvent[],
  endings: Endings,
) {
  let open = true;
  const assertOpen = () => {
    if (!open) throw new Error('the unit of work has ended');
  };
  const tx: UnitOfWork<Schema> = {
    sql,
    attempt,
    publish(...published) {
      assertOpen();
      for (const event of published) assertPublishable(event);
      events.push(...published);
    },
    defer(statement, expected) {
      assertOpen();
      const { sql: text, parameters } = 'compile' in statement ? statement.compile() : statement;
      connection.defer(text, parameters, expected);
    },
    onCommit(callback) {
      assertOpen();
      endings.commit.push(callback);
    },
    onAbort(callback) {
      assertOpen();
      endings.abort.push(callback);
    },
  };
  return {
    tx,
    close() {
      open = false;
    },
  };
}
