import type pg from 'pg';
import { BUCKETS, lockClass } from '../../store/hash.ts';

/** How long messages are kept, and dead letters that have been dealt with. */
export const RETENTION_MS = 7 * 24 * 3_600_000;

const BATCH = 1_000;
const MAX_BATCHES = 100;

// What a registered consumer has not passed stays, however old it is.
const PURGE_MESSAGES = `
  WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1::int, 0) AS ours)
  DELETE FROM bus.message WHERE (SELECT ours FROM turn) AND seq IN (
    SELECT seq FROM (
      SELECT seq, published_at FROM bus.message
      WHERE bucket = $2 AND seq <= coalesce((SELECT min(least(position, covered)) FROM bus.consumer WHERE bucket = $2), 9223372036854775807)
      ORDER BY seq LIMIT ${BATCH}
    ) oldest WHERE published_at < $3
  )`;
const PURGE_LETTERS = `
  DELETE FROM bus.dead_letter WHERE letter IN (
    SELECT letter FROM bus.dead_letter WHERE state IN ('redriven', 'discarded') AND failed_at < $1 LIMIT ${BATCH}
  )`;

/** Removes old messages in bounded pieces, one process at a time. @returns how many. */
export async function purgeMessages(pool: pg.Pool, now: Date): Promise<number> {
  const before = new Date(now.getTime() - RETENTION_MS);
  const lock = lockClass('bus purge');
  let removed = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const { rowCount } = await pool.query(PURGE_MESSAGES, [lock, bucket, before]);
      removed += rowCount ?? 0;
      if ((rowCount ?? 0) < BATCH) break;
    }
  }
  await pool.query(PURGE_LETTERS, [before]);
  return removed;
}

/** Of all types: that is never too late. */
export async function keptSince(pool: pg.Pool): Promise<Date | undefined> {
  const oldest = 'SELECT published_at FROM bus.message ORDER BY seq LIMIT 1';
  return (await pool.query<{ published_at: Date }>(oldest)).rows[0]?.published_at;
}
