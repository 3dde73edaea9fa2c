import type pg from 'pg';
import { DomainError } from '../../failure/index.ts';
import { UUID } from '../../store/outbox.ts';
import type { DeadLetter } from '../bus.ts';

const COLUMNS = `letter, consumer, seq, id, type, subject, key, headers, payload, published_at, deliveries, error, stack,
  failed_at,
  CASE state WHEN 'redriving' THEN 'redrive' ELSE state END AS state`;

const OPEN = "state IN ('dead', 'redrive', 'redriving')";

interface Row extends Omit<DeadLetter, 'position' | 'failedAt' | 'publishedAt'> {
  readonly seq: bigint;
  readonly published_at: Date;
  readonly failed_at: Date;
}

export async function listDeadLetters(pool: pg.Pool, consumer: string | undefined): Promise<DeadLetter[]> {
  const { rows } = await pool.query<Row>(
    `SELECT ${COLUMNS} FROM bus.dead_letter WHERE ${OPEN} AND ($1::text IS NULL OR consumer = $1)
     ORDER BY failed_at, seq LIMIT 1000`,
    [consumer ?? null],
  );
  return rows.map(toDeadLetter);
}

export async function findDeadLetter(pool: pg.Pool, letter: string): Promise<DeadLetter | undefined> {
  if (!UUID.test(letter)) return undefined;
  const { rows } = await pool.query<Row>(`SELECT ${COLUMNS} FROM bus.dead_letter WHERE ${OPEN} AND letter = $1`, [
    letter,
  ]);
  return rows[0] && toDeadLetter(rows[0]);
}

export async function countDeadLetters(pool: pg.Pool, consumer: string): Promise<number> {
  const { rows } = await pool.query<{ letters: bigint }>(
    `SELECT count(*) AS letters FROM bus.dead_letter WHERE ${OPEN} AND consumer = $1`,
    [consumer],
  );
  return Number(rows[0]?.letters ?? 0n);
}

function toDeadLetter({ seq, published_at, failed_at, ...row }: Row): DeadLetter {
  return { ...row, position: seq, publishedAt: published_at, failedAt: failed_at };
}

/** @throws DomainError not-found when no letter of that id is in a state to be moved from. */
export async function moveDeadLetter(pool: pg.Pool, letter: string, state: 'redrive' | 'discarded'): Promise<void> {
  const { rowCount } = await pool.query(
    `UPDATE bus.dead_letter SET state = $2 WHERE letter::text = $1 AND state IN ('dead', 'redrive')`,
    [letter, state],
  );
  if (rowCount === 0) throw new DomainError('not-found', 'DEAD_LETTER_NOT_FOUND', 'there is no such dead letter');
}
