import {
  AbortedTransactionError,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import type pg from 'pg';
import { currentContext } from '../context/index.ts';
import type { DatabaseSpans } from '../telemetry/index.ts';
import { combine, type Deferred, type Expectation, goesWithOthers, guardFailure, type Statement } from './deferred.ts';
import { codeOf, DatabaseUnavailable, StalePlan, translate } from './errors.ts';
import { GroupCommit, SLOW_MS } from './group-commit.ts';
import { send, sendUnnamed } from './pool.ts';
import { Slots } from './slots.ts';
import type { StatementResult } from './statement.ts';

/** Of so many connections one is for what somebody waits for. */
const LEFT_TO_OTHERS = 4;
/** Who waits for longer is better off trying again later: less than any handler of events has. */
const SLOT_MS = 15_000;
const DEFAULT_BEGIN = 'begin';
/** Of several at once none keeps the others waiting for somebody's row: they are sent alone then. */
const GROUP_BEGIN = `begin; set local lock_timeout = ${SLOW_MS}`;

/**
 * One connection of the pool, as Kysely sees it. It is taken from the pool when there is something to send: a transaction that
 * is committed together with others needs none of its own. BEGIN travels with the first statement and COMMIT with the deferred
 * ones, so that a transaction costs no round trips of its own.
 */
export class PooledConnection implements DatabaseConnection {
  /** Nobody waits for what it does: it leaves connections to others. */
  background = false;
  readonly #pool: pg.Pool;
  readonly #slots: Slots;
  #client: Promise<pg.PoolClient> | undefined;
  #giveBack: () => void = () => undefined;
  #ended = false;
  readonly #group: GroupCommit;
  readonly #spans: DatabaseSpans | undefined;
  #begin: string | undefined;
  #open = false;
  #broken = false;
  #deferred: Deferred[] = [];

  constructor(pool: pg.Pool, slots: Slots, group: GroupCommit, spans?: DatabaseSpans) {
    this.#pool = pool;
    this.#slots = slots;
    this.#group = group;
    this.#spans = spans;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#spanned(
      () => [query.sql],
      () => this.#execute<R>(query),
    );
  }

  /** Tells of what is asked within a trace. */
  #spanned<T>(texts: () => readonly string[], ask: () => Promise<T>): Promise<T> {
    const spans = this.#spans;
    const work = spans && currentContext();
    if (!work) return ask();
    const startTime = Date.now();
    const start = performance.now();
    const sent = texts();
    const ended = (error?: unknown) => {
      spans.queried(work, sent, startTime, performance.now() - start, error === undefined ? undefined : codeOf(error));
    };
    return ask().then(
      (answer) => {
        ended();
        return answer;
      },
      (error: unknown) => {
        ended(error);
        throw error;
      },
    );
  }

  /** @param holds until the transaction ends, not for a commit alone @throws DatabaseUnavailable */
  #connected(holds: boolean): Promise<pg.PoolClient> {
    this.#client ??= this.#connect(holds && this.background);
    return this.#client;
  }

  async #connect(leavesSome: boolean): Promise<pg.PoolClient> {
    try {
      if (leavesSome) this.#giveBack = await this.#slots.take(SLOT_MS);
      return await this.#pool.connect();
    } catch (error) {
      throw new DatabaseUnavailable(error);
    }
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const client = await this.#connected(true);
    // Sent now it would take effect by itself.
    if (this.#ended) throw new Error('the transaction has ended');
    const outside = !this.#open && this.#begin === undefined;
    try {
      return toResult<R>(await this.#together(client, () => send<R & object>(client, query.sql, query.parameters)));
    } catch (error) {
      const failure = translate(error);
      if (failure instanceof DatabaseUnavailable) failure.repeatable = !outside;
      if (failure instanceof StalePlan) {
        this.#broken = true;
        // Outside of a transaction nothing was done, and unnamed it is planned anew.
        if (outside) return toResult<R>(await sendUnnamed<R & object>(client, query.sql, query.parameters));
      }
      throw failure;
    }
  }

  // biome-ignore lint/correctness/useYield: refused before the first row
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not supported: read in pages');
  }

  begin(settings: TransactionSettings): void {
    this.#deferred = [];
    this.#begin = settings.isolationLevel ? `begin isolation level ${settings.isolationLevel}` : DEFAULT_BEGIN;
    if (settings.accessMode) this.#begin += ` ${settings.accessMode}`;
  }

  /** Has the statement sent with the commit. Its result is not seen; its failure fails the transaction. */
  defer(text: string, values: readonly unknown[], expected?: Expectation): void {
    this.#deferred.push({ text, values, expected });
  }

  commit(): Promise<void> {
    this.#ended = true;
    if (this.#deferred.length === 0 && this.#begin !== undefined) return this.#commit();
    return this.#spanned(
      () => this.#deferred.map(({ text }) => text),
      () => this.#commit(),
    );
  }

  async #commit(): Promise<void> {
    const deferred = this.#deferred;
    this.#deferred = [];
    const statements = combine(deferred);
    const [only] = statements;
    try {
      if (this.#begin !== DEFAULT_BEGIN || statements.length > 1) await this.#send(statements);
      else {
        this.#begin = undefined;
        if (only && goesWithOthers(only)) await this.#group.commit(only, (all) => this.#sendTogether(all));
        else if (only) await this.#send([only]);
      }
    } catch (error) {
      throw error instanceof AbortedTransactionError ? error : this.#failure(error, deferred);
    }
  }

  /** Statements that nobody has sent anything before, as a transaction of their own. */
  #sendTogether(statements: readonly Statement[]): Promise<void> {
    if (statements.length > 1) this.#begin = GROUP_BEGIN;
    return this.#send(statements);
  }

  /** What is to be sent with the commit, and the commit, where a transaction has begun or is to. */
  async #send(statements: readonly Statement[]): Promise<void> {
    const client = await this.#connected(false);
    const alone = this.#begin === undefined && !this.#open;
    const outcomes = await this.#together(client, () =>
      Promise.allSettled([
        ...statements.map(({ text, values }) => send(client, text, values)),
        ...(alone ? [] : [client.query('commit')]),
      ]),
    );
    this.#open = false;
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    const last = outcomes.at(-1);
    if (last?.status === 'fulfilled' && last.value.command === 'ROLLBACK') throw new AbortedTransactionError();
  }

  #failure(reason: unknown, deferred: readonly Deferred[]): unknown {
    const failure = guardFailure(reason, deferred) ?? translate(reason);
    // Had the commit taken place, what is expected of the rows would not hold a second time.
    if (failure instanceof DatabaseUnavailable) failure.repeatable = deferred.some(({ expected }) => expected);
    // It may still be at work for a commit that we no longer wait for.
    if (failure instanceof StalePlan || failure instanceof DatabaseUnavailable) this.#broken = true;
    return failure;
  }

  async rollback(): Promise<void> {
    this.#ended = true;
    this.#deferred = [];
    this.#begin = undefined;
    if (!this.#open) return;
    this.#open = false;
    // A connection that cannot even do this is not used again; the server ends its transaction with it.
    const client = await this.#connected(false);
    await client.query('rollback').catch(() => {
      this.#broken = true;
    });
  }

  async release(): Promise<void> {
    this.#ended = true;
    const client = await this.#client?.catch(() => undefined);
    client?.release(this.#broken || this.#open);
    this.#giveBack();
  }

  /** Sends a pending BEGIN and what follows in one write. */
  #together<T>(client: pg.PoolClient, statements: () => Promise<T>): Promise<T> {
    const { stream } = client.connection;
    stream.cork();
    try {
      if (this.#begin !== undefined) {
        const begin = this.#begin;
        this.#begin = undefined;
        this.#open = true;
        // Without its BEGIN the rest would commit piece by piece: the connection ends before that.
        client.query(begin).catch(() => stream.destroy());
      }
      return statements();
    } finally {
      stream.uncork();
    }
  }
}

function toResult<R>({ command, rowCount, rows }: StatementResult<R>): QueryResult<R> {
  const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
  return changes ? { rows, numAffectedRows: BigInt(rowCount) } : { rows };
}

class PoolDriver implements Driver {
  readonly #pool: pg.Pool;
  readonly #slots: Slots;
  readonly #group = new GroupCommit((reason) => translate(reason) instanceof DatabaseUnavailable);
  readonly #spans: DatabaseSpans | undefined;

  constructor(pool: pg.Pool, spans: DatabaseSpans | undefined) {
    this.#pool = pool;
    const { max } = pool.options;
    this.#slots = new Slots(Math.max(1, max - Math.max(1, Math.floor(max / LEFT_TO_OTHERS))));
    this.#spans = spans;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PooledConnection> {
    return new PooledConnection(this.#pool, this.#slots, this.#group, this.#spans);
  }

  async beginTransaction(connection: PooledConnection, settings: TransactionSettings): Promise<void> {
    connection.begin(settings);
  }

  commitTransaction(connection: PooledConnection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: PooledConnection): Promise<void> {
    return connection.rollback();
  }

  releaseConnection(connection: PooledConnection): Promise<void> {
    return connection.release();
  }

  async destroy(): Promise<void> {}
}

/** A Kysely dialect on a pool of ours; ending the pool is its owner's business. */
export function poolDialect(pool: pg.Pool, spans?: DatabaseSpans): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PoolDriver(pool, spans),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

/** The connection that a transaction of Kysely runs on. */
export async function connectionOf<S>(transaction: Kysely<S>): Promise<PooledConnection> {
  const connection = await transaction.getExecutor().provideConnection(async (found) => found);
  if (!(connection instanceof PooledConnection)) throw new Error('not a transaction of this store');
  return connection;
}
