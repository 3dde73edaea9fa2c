import type pg from 'pg';
import { DomainError } from '../../failure/index.ts';

// The place before the first message of then or later; nothing where there is none.
const REPLAY = `
  UPDATE bus.consumer c SET rewind_to = least(c.rewind_to, (
    SELECT m.seq - 1 FROM bus.message m WHERE m.bucket = c.bucket AND m.published_at >= $2 ORDER BY m.seq LIMIT 1
  )) WHERE c.name = $1`;

/** Whoever has the consumer's buckets goes back when it is told, and otherwise who has them next. */
export async function rewindConsumer(pool: pg.Pool, consumer: string, from: Date): Promise<void> {
  const { rowCount } = await pool.query(REPLAY, [consumer, from]);
  if (rowCount === 0) throw new DomainError('not-found', 'CONSUMER_NOT_FOUND', 'the bus knows no such consumer');
}
