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
import { DatabaseUnavailable, Outdated, StalePlan, translate } from './errors.ts';
import { send } from './pool.ts';

/**
 * How many rows a deferred statement has to change, and what fails the transaction when they are fewer or more. It guards the
 * work, which cannot take effect twice: when the connection breaks during the commit the work runs again.
 */
export interface Expectation {
  readonly rows: number;
  /** Default: Outdated, after which the unit of work runs again. */
  readonly otherwise?: () => Error;
}

interface Deferred {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly otherwise?: (() => Error) | undefined;
}

/**
 * One connection of the pool, as Kysely sees it. BEGIN travels with the first statement and COMMIT with the deferred
 * ones, so that a transaction costs no round trips of its own.
 */
export class PooledConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  #begin: string | undefined;
  #open = false;
  #broken = false;
  #deferred: Deferred[] = [];

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const outside = !this.#open && this.#begin === undefined;
    try {
      return toResult<R>(await this.#together(() => send(this.#client, query.sql, query.parameters)));
    } catch (error) {
      const failure = translate(error);
      if (failure instanceof DatabaseUnavailable) failure.repeatable = !outside;
      if (failure instanceof StalePlan) {
        this.#broken = true;
        // Outside of a transaction nothing was done, and unnamed it is planned anew.
        if (outside) return toResult<R>(await this.#client.query(query.sql, query.parameters as unknown[]));
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
    this.#begin = settings.isolationLevel ? `begin isolation level ${settings.isolationLevel}` : 'begin';
    if (settings.accessMode) this.#begin += ` ${settings.accessMode}`;
  }

  /** Has the statement sent with the commit. Its result is not seen; its failure fails the transaction. */
  defer(text: string, values: readonly unknown[], expected?: Expectation): void {
    if (!expected) this.#deferred.push({ text, values });
    else {
      const otherwise = expected.otherwise ?? (() => new Outdated());
      this.#deferred.push({ text: counting(text, values.length), values: [...values, expected.rows], otherwise });
    }
  }

  async commit(): Promise<void> {
    const deferred = this.#deferred;
    this.#deferred = [];
    if (this.#begin !== undefined && deferred.length === 0) {
      this.#begin = undefined;
      return;
    }
    const outcomes = await this.#together(() =>
      Promise.allSettled([
        ...deferred.map(({ text, values }) => send(this.#client, text, values)),
        this.#client.query('commit'),
      ]),
    );
    this.#open = false;
    outcomes.forEach((outcome, index) => {
      if (outcome.status === 'fulfilled') return;
      const otherwise = deferred[index]?.otherwise;
      if (otherwise && outcome.reason?.code === DIVISION_BY_ZERO) throw otherwise();
      const failure = translate(outcome.reason);
      // Had the commit taken place, what is expected of the rows would not hold a second time.
      if (failure instanceof DatabaseUnavailable) failure.repeatable = deferred.some((one) => one.otherwise);
      throw failure;
    });
    const last = outcomes.at(-1);
    if (last?.status === 'fulfilled' && last.value.command === 'ROLLBACK') throw new AbortedTransactionError();
  }

  async rollback(): Promise<void> {
    this.#deferred = [];
    this.#begin = undefined;
    if (!this.#open) return;
    this.#open = false;
    // A connection that cannot even do this is not used again; the server ends its transaction with it.
    await this.#client.query('rollback').catch(() => {
      this.#broken = true;
    });
  }

  release(): void {
    this.#client.release(this.#broken || this.#open);
  }

  /** Sends a pending BEGIN and what follows in one write. */
  #together<T>(statements: () => Promise<T>): Promise<T> {
    const { stream } = this.#client.connection;
    stream.cork();
    try {
      if (this.#begin !== undefined) {
        const begin = this.#begin;
        this.#begin = undefined;
        this.#open = true;
        // Without its BEGIN the rest would commit piece by piece: the connection ends before that.
        this.#client.query(begin).catch(() => stream.destroy());
      }
      return statements();
    } finally {
      stream.uncork();
    }
  }
}

const DIVISION_BY_ZERO = '22012';
const countingStatements = new Map<string, string>();

/** The statement, failing where it is when it changes another number of rows: the COMMIT behind it is on its way already. */
function counting(text: string, parameters: number): string {
  let found = countingStatements.get(text);
  if (found === undefined) {
    found = `WITH changed AS (${text} RETURNING 1) SELECT 1 / (count(*) = $${parameters + 1}::int)::int FROM changed`;
    if (countingStatements.size < 1_000) countingStatements.set(text, found);
  }
  return found;
}

function toResult<R>({ command, rowCount, rows }: pg.QueryResult): QueryResult<R> {
  const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
  return changes ? { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) } : { rows: (rows ?? []) as R[] };
}

class PoolDriver implements Driver {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PooledConnection> {
    try {
      return new PooledConnection(await this.#pool.connect());
    } catch (error) {
      throw new DatabaseUnavailable(error);
    }
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

  async releaseConnection(connection: PooledConnection): Promise<void> {
    connection.release();
  }

  async destroy(): Promise<void> {}
}

/** A Kysely dialect on a pool of ours; ending the pool is its owner's business. */
export function poolDialect(pool: pg.Pool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PoolDriver(pool),
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
