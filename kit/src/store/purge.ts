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

/** A day longer than the bus keeps a message, so that nothing that may still be delivered is forgotten. */
export const INBOX_MS = 8 * 24 * 3_600_000;

const BATCH = 1_000;
const MAX_BATCHES = 100;

const TABLES = [
  { table: 'idempotency', column: 'created_at', keptMs: IDEMPOTENCY_MS },
  { table: 'inbox', column: 'received_at', keptMs: INBOX_MS },
] as const;

/** Removes what is no longer needed of the store's own tables, every ten minutes, a bounded piece at a time. */
export function startPurge<S>(db: Database<S>, options: { readonly intervalMs?: number } = {}): Purge {
  const { logger, now } = internals(db);
  const alarm = new Alarm();
  let stopped = false;

  const run = async () => {
    let removed = 0;
    for (const { table, column, keptMs } of TABLES) {
      const before = new Date(now().getTime() - keptMs);
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
      await alarm.sleep(options.intervalMs ?? 600_000);
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
