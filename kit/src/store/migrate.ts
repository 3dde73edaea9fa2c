import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Logger } from 'pino';
import { type Database, internals } from './database.ts';
import { translate } from './errors.ts';
import { lockClass } from './hash.ts';
import { type Migration, storeMigrations } from './store-migrations.ts';

export interface MigrationTarget {
  readonly connectionConfig: pg.ClientConfig;
  readonly logger: Logger;
  /** Asked first whether there is anything to do, which needs no connection of its own and no lock. */
  readonly pool?: pg.Pool;
  /** Schema of the table `migration`, created when it is missing. Default: public. */
  readonly schema?: string;
}

const WAIT_FOR_OTHERS_MS = 60_000;
const STATEMENT_MS = 600_000;

/**
 * Brings the database to the state that the migrations describe: the store's own tables first, then these, in order. Any
 * number of processes may start at once; they wait for each other.
 * @returns the names of those that ran.
 * @throws Error naming a migration whose text is not the one that was applied. Applied ones that are not known here are
 * left alone, so that an older version still starts.
 */
export function migrate<S>(db: Database<S>, migrations: readonly Migration[]): Promise<string[]> {
  return applyMigrations(internals(db), [...storeMigrations, ...migrations]);
}

export async function applyMigrations(target: MigrationTarget, migrations: readonly Migration[]): Promise<string[]> {
  const names = new Set(migrations.map(({ name }) => name));
  if (names.size !== migrations.length) throw new Error('two migrations have the same name');
  const schema = pg.escapeIdentifier(target.schema ?? 'public');
  if (target.pool && (await areApplied(target.pool, `${schema}.migration`, migrations))) return [];
  const client = new pg.Client({
    ...target.connectionConfig,
    pipeline: false,
    lock_timeout: WAIT_FOR_OTHERS_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1::int, 0)', [lockClass(`migrate ${schema}`)]);
    return await applyMissing(client, `${schema}.migration`, schema, migrations, target.logger);
  } catch (error) {
    throw translate(error);
  } finally {
    // The lock ends with the connection.
    await client.end().catch(() => undefined);
  }
}

const UNDEFINED_TABLE = '42P01';

async function areApplied(pool: pg.Pool, table: string, migrations: readonly Migration[]): Promise<boolean> {
  try {
    const applied = await appliedIn(pool, table);
    return migrations.every(({ name, up }) => applied.get(name) === checksumOf(up));
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return false;
    throw translate(error);
  }
}

const checksumOf = (up: string): string => createHash('sha256').update(up.trim()).digest('hex');

async function appliedIn(on: pg.Pool | pg.Client, table: string): Promise<Map<string, string>> {
  const { rows } = await on.query<{ name: string; checksum: string }>(`SELECT name, checksum FROM ${table}`);
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

async function applyMissing(
  client: pg.Client,
  table: string,
  schema: string,
  migrations: readonly Migration[],
  logger: Logger,
): Promise<string[]> {
  const applied = await readApplied(client, table, schema);
  const ran: string[] = [];
  for (const { name, up } of migrations) {
    const checksum = checksumOf(up);
    const known = applied.get(name);
    if (known !== undefined && known !== checksum) {
      throw new Error(`migration ${name} was changed after it had been applied: add a new one instead`);
    }
    if (known !== undefined) continue;
    await client.query('BEGIN');
    try {
      await client.query(up);
      await client.query(`INSERT INTO ${table} (name, checksum) VALUES ($1, $2)`, [name, checksum]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw new Error(`migration ${name} failed: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    logger.info({ migration: name }, 'migration applied');
    ran.push(name);
  }
  return ran;
}

async function readApplied(client: pg.Client, table: string, schema: string): Promise<Map<string, string>> {
  // Asked first: a role that may not create tables may still start on a database that is up to date.
  const { rows: found } = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
    table,
  ]);
  if (!found[0]?.found) {
    await client.query(
      `CREATE SCHEMA IF NOT EXISTS ${schema};
       CREATE TABLE ${table} (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
  }
  return appliedIn(client, table);
}
