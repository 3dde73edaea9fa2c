import { CompiledQuery } from 'kysely';
import { Alarm } from './backoff.ts';
import { type Database, internals } from './database.ts';
import { lockClass } from './hash.ts';
import { IDEMPOTENCY_MS } from './idempotency.ts';

export interface Purge {
  /** One round now; does nothing while another process is at it. Resolves to the number of rows removed. */
  run(): Promise<number>;
  stop(): Promise<void>;
}

export interface PurgeOptions {
  readonly intervalMs?: number;
  /** When the oldest message was published that the bus may still deliver; undefined where there is none. */
  readonly keptSince?: () => Promise<Date | undefined>;
}

const DAY_MS = 24 * 3_600_000;

/** At least so long what was handled is remembered, and a day longer than the bus keeps it. */
export const INBOX_MS = 8 * DAY_MS;

const BATCH = 1_000;
const MAX_BATCHES = 100;

/** Removes what is no longer needed of the store's own tables, every ten minutes, a bounded piece at a time. */
export function startPurge<S>(db: Database<S>, { intervalMs = 600_000, keptSince }: PurgeOptions = {}): Purge {
  const { logger, now } = internals(db);
  const alarm = new Alarm();
  let stopped = false;

  /** What the bus may still deliver is remembered, however long the bus keeps it. Nothing is forgotten while it does not say. */
  const inboxBefore = async () => {
    const oldest = (await keptSince?.())?.getTime() ?? Number.POSITIVE_INFINITY;
    return Math.min(now().getTime() - INBOX_MS, oldest - DAY_MS);
  };

  const run = async () => {
    let removed = 0;
    const tables = [
      { table: 'idempotency', column: 'created_at', limit: async () => now().getTime() - IDEMPOTENCY_MS },
      { table: 'inbox', column: 'received_at', limit: inboxBefore },
    ];
    for (const { table, column, limit } of tables) {
      const before = new Date(await limit());
      for (let batch = 0; batch < MAX_BATCHES && !stopped; batch++) {
        const { numAffectedRows = 0n } = await db.read.executeQuery(
          CompiledQuery.raw(
            `WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1::int, 0) AS ours)
             DELETE FROM ${table} WHERE (SELECT ours FROM turn)
               AND ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${column} < $2 LIMIT ${BATCH}))`,
            [lockClass('store purge'), before],
          ),
        );
        removed += Number(numAffectedRows);
        if (numAffectedRows < BATCH) break;
      }
    }
    return removed;
  };

  const loop = async () => {
    while (!stopped) {
      await alarm.sleep(intervalMs);
      if (stopped) return;
      await run().catch((error) => logger.warn({ err: error }, 'purge failed'));
    }
  };
  const running = loop();
  return {
    run,
    async stop() {
      stopped = true;
      alarm.wake();
      await running;
    },
  };
}
