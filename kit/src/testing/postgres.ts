import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Runs a statement as the administrator of this database. */
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  /** Ends the connections of all others to it, as a restart of the server would. Resolves to their number. */
  disconnectAll(): Promise<number>;
  drop(): Promise<void>;
}

/**
 * A fresh, empty database on the server that WEFT_TEST_DATABASE_URL names (its role may create databases). The name is
 * only there to recognise it by.
 */
export async function testDatabase(name: string): Promise<TestDatabase> {
  const server = process.env.WEFT_TEST_DATABASE_URL;
  if (!server) throw new Error('WEFT_TEST_DATABASE_URL is not set: run the tests with npm test');
  const database = `test_${name.replaceAll(/\W/g, '_').toLowerCase()}_${randomBytes(4).toString('hex')}`;
  await asAdmin(server, `CREATE DATABASE ${database} TEMPLATE template0 STRATEGY wal_log`);
  const url = new URL(server);
  url.pathname = `/${database}`;
  // Of one connection, and of another one when the server was started again.
  const admin = new pg.Pool({
    connectionString: url.href,
    application_name: 'test administrator',
    pipeline: true,
    max: 1,
    idleTimeoutMillis: 0,
  });
  admin.on('error', () => undefined);
  return {
    url: url.href,
    async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      return (await admin.query<R>(text, values)).rows;
    },
    async disconnectAll() {
      const { rowCount } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
      );
      return rowCount ?? 0;
    },
    async drop() {
      await admin.end();
      await asAdmin(server, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    },
  };
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
