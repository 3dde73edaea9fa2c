import { once } from 'node:events';
import pg from 'pg';
import type { Logger } from 'pino';
import { within } from '../time/index.ts';
import { discreet } from './errors.ts';
import { statementName } from './hash.ts';
import { type Known, run, type StatementResult } from './statement.ts';

export interface PoolOptions {
  readonly url: string;
  /** Shown by the server as application_name. */
  readonly name: string;
  readonly maxConnections: number;
  readonly statementTimeoutMs: number;
  readonly logger: Logger;
}

/** Named statements kept on one connection; each costs the server memory, so that later ones go unnamed. */
const MAX_NAMES = 500;
const ACQUIRE_MS = 5_000;
const LOCK_MS = 5_000;
const IDLE_IN_TRANSACTION_MS = 10_000;

const INT8 = 20;
const INT8_ARRAY = 1016;
const DATE = 1082;
const parseTextArray = pg.types.getTypeParser(1009 as number) as (text: string) => (string | null)[];
const parsers = new Map<number, (text: string) => unknown>([
  [INT8, BigInt],
  [INT8_ARRAY, (text) => parseTextArray(text).map((item) => (item === null ? null : BigInt(item)))],
  // A day has no time zone: as a Date it would be another day for half of the world.
  [DATE, (text) => text],
]);

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format !== 'binary' && parsers.get(oid)) ||
    pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
};

/** Settings of every connection. The server ends what takes too long; a connection without an answer is given up. */
export function connectionConfig(options: PoolOptions): pg.ClientConfig {
  return {
    connectionString: options.url,
    application_name: options.name,
    connectionTimeoutMillis: ACQUIRE_MS,
    keepAlive: true,
    pipeline: true,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    query_timeout: options.statementTimeoutMs + 5_000,
    types,
  };
}

const clientsOf = new WeakMap<pg.Pool, Set<pg.PoolClient>>();

/** A pool whose connections may break at any time without ending the process. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({ ...connectionConfig(options), max: options.maxConnections, idleTimeoutMillis: 30_000 });
  pool.on('error', (error) =>
    options.logger.warn({ err: discreet(error), database: options.name }, 'idle connection lost'),
  );
  // The pool listens only while a connection is idle; one that breaks between two statements would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const clients = new Set<pg.PoolClient>();
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  clientsOf.set(pool, clients);
  return pool;
}

/** Waits for the connections in use, at most `withinMs`, and ends them all: the server may stop then, and none of them is lost. */
export async function endPool(pool: pg.Pool, withinMs: number): Promise<void> {
  const clients = clientsOf.get(pool) ?? new Set();
  const ended = async () => {
    if (!pool.ending) await pool.end();
    // By then it has only told them to end. One that is lost meanwhile has ended as well.
    while (clients.size > 0) await once(pool, 'remove').catch(() => undefined);
  };
  await within(withinMs, ended(), () => {
    for (const client of clients) client.connection.stream.destroy();
  });
}

const prepared = new WeakMap<pg.ClientBase, Map<string, Known>>();

/** Sends a statement by name, so that the server parses and plans it once a connection. */
export async function send<R extends pg.QueryResultRow>(
  client: pg.ClientBase,
  text: string,
  values: readonly unknown[],
): Promise<StatementResult<R>> {
  const statements = prepared.get(client) ?? new Map<string, Known>();
  prepared.set(client, statements);
  const name = statementName(text);
  let known = statements.get(name);
  if (!known) {
    if (statements.size >= MAX_NAMES) return sendUnnamed<R>(client, text, values);
    known = { shape: undefined };
    statements.set(name, known);
  }
  return run<R>(client, { name, text, values }, known, types);
}

/** Sends a statement that is parsed and planned for this one run. */
export async function sendUnnamed<R extends pg.QueryResultRow>(
  client: pg.ClientBase,
  text: string,
  values: readonly unknown[],
): Promise<StatementResult<R>> {
  const { command, rowCount, rows } = await client.query<R>(text, values as unknown[]);
  return { command, rowCount: rowCount ?? 0, rows };
}
