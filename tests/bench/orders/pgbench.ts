import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

const SECONDS = 6;
const TABLES = `
  DROP TABLE IF EXISTS plain_order, plain_line, plain_outbox;
  CREATE TABLE plain_order (
    order_id bigint PRIMARY KEY, customer_id bigint NOT NULL, status text NOT NULL, total bigint NOT NULL,
    created_at timestamptz NOT NULL
  );
  CREATE INDEX ON plain_order (customer_id, order_id);
  CREATE TABLE plain_line (
    order_id bigint NOT NULL, position int NOT NULL, product_id text NOT NULL, title text NOT NULL, quantity bigint NOT NULL,
    unit_price bigint NOT NULL, PRIMARY KEY (order_id, position)
  );
  CREATE TABLE plain_outbox (
    event_id uuid PRIMARY KEY, key text NOT NULL, type text NOT NULL, payload bytea NOT NULL, created_at timestamptz NOT NULL
  );
`;
const LINE = (position: number) =>
  `INSERT INTO plain_line VALUES (:id, ${position}, 'P-' || :product, 'A white hanging heart', 1, 250);`;
const TRANSACTION = `
\\set id random(1, 9000000000000000000)
\\set product random(1, 100)
BEGIN;
INSERT INTO plain_order VALUES (:id, :client_id, 'placed', 750, now());
${[1, 2, 3].map(LINE).join('\n')}
INSERT INTO plain_outbox VALUES (gen_random_uuid(), :id::text, 'OrderPlaced', decode(repeat('5a', 300), 'hex'), now());
COMMIT;
`;

export async function preparePgbench(url: string): Promise<void> {
  const version = await run('pgbench', ['--version']).catch(() => undefined);
  if (!version) throw new Error('pgbench is not on the path: it comes with PostgreSQL (postgresql-contrib)');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(TABLES).finally(() => client.end());
}

/** An order, three lines and an outbox row, each a prepared statement, in one transaction. */
export async function transactionsPerSecond(url: string, connections: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-pgbench-'));
  const script = join(folder, 'order.sql');
  await writeFile(script, TRANSACTION);
  const flags = ['-n', '-M', 'prepared', '-c', String(connections), '-j', '2', '-T', String(SECONDS), '-f', script];
  const server = new URL(url);
  const env = { ...process.env, PGPASSWORD: decodeURIComponent(server.password) };
  server.password = '';
  try {
    const { stdout } = await run('pgbench', [...flags, server.href], { env });
    const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
    if (tps === undefined) throw new Error(`pgbench said ${stdout}`);
    return Number(tps);
  } finally {
    await rm(folder, { recursive: true });
  }
}
