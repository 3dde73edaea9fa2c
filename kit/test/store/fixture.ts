import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { type Database, migrate, type OutgoingEvent, openDatabase } from '../../src/store/index.ts';
import { type TestDatabase, testDatabase } from '../../src/testing/postgres.ts';

export interface Schema {
  thing: { id: string; amount: bigint; noted: Date; detail: { colour: string } | null };
}

export const logger = pino({ level: process.env.TEST_LOG ?? 'silent' });

const THINGS = {
  name: '0001-thing',
  up: 'CREATE TABLE thing (id text PRIMARY KEY, amount bigint NOT NULL, noted timestamptz NOT NULL DEFAULT now(), detail jsonb)',
};

export interface Fixture {
  readonly server: TestDatabase;
  readonly db: Database<Schema>;
  /** The same database as another process would open it. */
  another(options?: { now?: () => Date; maxConnections?: number }): Database<Schema>;
  close(): Promise<void>;
}

export async function fixture(
  name: string,
  options: { now?: () => Date; maxConnections?: number } = {},
): Promise<Fixture> {
  const server = await testDatabase(name);
  const opened: Database<Schema>[] = [];
  const another: Fixture['another'] = (more = {}) => {
    const db = openDatabase<Schema>({ url: server.url, name: 'test', logger, ...more });
    opened.push(db);
    return db;
  };
  const db = another(options);
  await migrate(db, [THINGS]);
  return {
    server,
    db,
    another,
    async close() {
      await Promise.all(opened.map((each) => each.close()));
      await server.drop();
    },
  };
}

export function event(key: string, number = 0): OutgoingEvent {
  return {
    id: randomUUID(),
    type: 'weft.test.v1.thing_changed',
    subject: `weft.test.v1.thing_changed.${key}`,
    key,
    headers: { 'ce-id': 'a "quoted" \\ value' },
    payload: Buffer.from([number & 0xff, number >> 8, 0, 255]),
  };
}

export function numberOf({ payload }: { payload: Uint8Array }): number {
  return (payload[0] ?? 0) + ((payload[1] ?? 0) << 8);
}
