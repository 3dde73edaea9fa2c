import type pg from 'pg';
import { pause } from '../../store/backoff.ts';
import type { Tailed, TailOptions } from '../bus.ts';
import { type MessageRow, STREAM, toTailed } from './rows.ts';

const HEAD = 'SELECT coalesce(max(seq), 0) AS after FROM bus.message';
const BEFORE = 'SELECT seq - 1 AS after FROM bus.message WHERE published_at >= $1 ORDER BY seq LIMIT 1';
const AT_ONCE = 200;
/** $1 after, $2 types, all where null. One row without a message where none is wanted: how far was looked. */
const NEXT = `
  WITH looked_at AS MATERIALIZED (SELECT * FROM bus.message WHERE seq > $1 ORDER BY seq LIMIT ${AT_ONCE})
  SELECT reach.*, m.* FROM (SELECT max(seq) AS reached, count(*) = ${AT_ONCE} AS more FROM looked_at) reach
  LEFT JOIN looked_at m ON $2::text[] IS NULL OR m.type = ANY ($2::text[]) ORDER BY m.seq`;
const LOOK_MS = 250;

type Row = Omit<MessageRow, 'seq'> & {
  readonly seq: bigint | null;
  readonly reached: bigint | null;
  readonly more: boolean;
};

export async function* tailMessages(pool: pg.Pool, options: TailOptions): AsyncGenerator<Tailed> {
  const { types, signal } = options;
  let after = await startOf(pool, options);
  while (!signal.aborted) {
    const { rows } = await pool.query<Row>(NEXT, [after, types ?? null]);
    for (const row of rows) if (row.seq !== null) yield toTailed(row as MessageRow);
    after = rows[0]?.reached ?? after;
    // What comes in small numbers is gathered: a look for each would cost more than what it finds.
    if (!rows[0]?.more) await pause(LOOK_MS, signal);
  }
}

async function startOf(pool: pg.Pool, { from, after }: TailOptions): Promise<bigint> {
  if (after) return after.get(STREAM) ?? 0n;
  const before = from && (await pool.query<{ after: bigint }>(BEFORE, [from])).rows[0];
  return (before ?? ((await pool.query<{ after: bigint }>(HEAD)).rows[0] as { after: bigint })).after;
}
