import { randomUUID } from 'node:crypto';
import { ProductUpdatedSchema } from '@weft/gen/es/weft/catalog/v1/events_pb';
import { ProductUpdated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { consumer, defineEvent, on, startConsumer } from '@weft/kit/events';
import { migrate, openDatabase, startRelay, type UnitOfWork } from '@weft/kit/store';
import { createLogger } from '@weft/kit/telemetry';
import { eventually, testDatabase } from '@weft/kit/testing';
import { sql } from 'kysely';
import pg from 'pg';
import { openJetStreamBus } from '../../../kit/src/events/jetstream/index.ts';
import { median } from '../children.ts';

const updated = defineEvent(ProductUpdated, ProductUpdatedSchema);
const CONNECTIONS = 16;
const KEYS = 1_000;
const IN_A_TRANSACTION = 100;
const LIMIT_MS = 120_000;

/** What is measured of one outbox, one bus and one consumer. All but the last resolve to events a second. */
export interface Bench {
  /** What the relay takes from a full outbox to the bus. */
  relay(events: number, bytes: number): Promise<number>;
  /** Inbox and effect from the bare client of PostgreSQL, a prepared statement each, over as many connections. */
  alone(transactions: number): Promise<number>;
  /** From a full outbox to inbox and effect. */
  endToEnd(events: number, bytes: number): Promise<number>;
  /** Median of the milliseconds from a commit to its handler. */
  idle(times: number): Promise<number>;
  close(): Promise<void>;
}

const INBOX_AND_EFFECT = `WITH received AS (INSERT INTO inbox (consumer, message_id, received_at) VALUES ('alone', $1, $2))
  INSERT INTO effect (key) VALUES ($3)`;

type Tx = UnitOfWork<unknown>;
const effect = (tx: Tx, key: string) => {
  tx.defer({ compile: () => sql`INSERT INTO effect (key) VALUES (${key})`.compile(tx.sql) });
};

export async function openBench(natsUrl: string): Promise<Bench> {
  const logger = createLogger({ level: 'warn', pretty: false });
  const server = await testDatabase('bench');
  const open = (name: string) => openDatabase<unknown>({ url: server.url, name, maxConnections: CONNECTIONS, logger });
  const db = open('bench');
  await migrate(db, [
    { name: '001-effect', up: 'CREATE TABLE effect (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text)' },
  ]);
  const bus = openJetStreamBus({ url: natsUrl, name: 'bench', logger, services: ['catalog'] });
  const name = `bench.${randomUUID()}`;

  /** Events of as many products, each for itself, as they are when many customers are busy. */
  const fill = async (events: number, bytes: number) => {
    const title = 'w'.repeat(bytes);
    for (let from = 0; from < events; from += IN_A_TRANSACTION) {
      await db.transaction(async (tx) => {
        const batch = Array.from({ length: Math.min(IN_A_TRANSACTION, events - from) }, (_, place) =>
          updated.create(ProductUpdated.fromPartial({ productId: `p-${(from + place) % KEYS}`, title })),
        );
        tx.publish(...batch);
      });
    }
  };
  const drained = async (relay: { backlog(): Promise<number> }) => {
    while ((await relay.backlog()) > 0);
  };
  const count = async (table: string) =>
    Number((await server.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n);

  return {
    async relay(events, bytes) {
      await fill(events, bytes);
      const began = performance.now();
      const relay = startRelay({ db, bus, logger });
      await drained(relay);
      const seconds = (performance.now() - began) / 1000;
      await relay.stop();
      return events / seconds;
    },
    async alone(transactions) {
      const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
      let begun = 0;
      const began = performance.now();
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async () => {
          const client = await pool.connect();
          while (begun < transactions) {
            begun++;
            await client.query({ name: 'alone', text: INBOX_AND_EFFECT, values: [randomUUID(), new Date(), 'alone'] });
          }
          client.release();
        }),
      );
      const seconds = (performance.now() - began) / 1000;
      await pool.end();
      return transactions / seconds;
    },
    async endToEnd(events, bytes) {
      // What was published before is none of this.
      const early = startConsumer(bus, db, consumer<unknown>(name, [on(updated, async () => {})]), { logger });
      await eventually(async () => (await early.lag()) === 0, LIMIT_MS);
      await early.stop();
      await fill(events, bytes);
      const before = await count('effect');
      const began = performance.now();
      const relay = startRelay({ db, bus, logger });
      const handling = consumer<unknown>(name, [on(updated, async ({ productId }, tx) => effect(tx, productId))]);
      const started = startConsumer(bus, db, handling, { logger });
      while ((await count('effect')) - before < events) await new Promise((resolve) => setTimeout(resolve, 20));
      const seconds = (performance.now() - began) / 1000;
      await started.stop();
      await relay.stop();
      return events / seconds;
    },
    async idle(times) {
      const took: number[] = [];
      let arrived = (_: string) => {};
      const relay = startRelay({ db, bus, logger });
      const handling = consumer<unknown>(name, [
        on(updated, async ({ productId }) => {
          arrived(productId);
        }),
      ]);
      const started = startConsumer(bus, db, handling, { logger });
      await eventually(async () => (await started.lag()) === 0, LIMIT_MS);
      for (let time = 0; time < times; time++) {
        const key = `idle-${time}`;
        const seen = new Promise<void>((resolve) => {
          arrived = (which) => which === key && resolve();
        });
        await db.transaction(async (tx) => tx.publish(updated.create(ProductUpdated.fromPartial({ productId: key }))));
        const committed = performance.now();
        await seen;
        took.push(performance.now() - committed);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await started.stop();
      await relay.stop();
      return median(took);
    },
    async close() {
      await bus.close();
      await db.close();
      await server.drop();
    },
  };
}
