import type pg from 'pg';
import { pause } from '../../store/backoff.ts';
import type { Tailed, TailOptions } from '../bus.ts';
import { type MessageRow, STREAM, toTailed } from './rows.ts';

const HEAD = 'SELECT coalesce(max(seq), 0) AS after FROM bus.message';
const BEFORE = 'SELECT seq - 1 AS after FROM bus.message WHERE published_at >= $1 ORDER BY seq LIMIT 1';
const AT_ONCE = 200;
const NEXT = `SELECT * FROM bus.message WHERE seq > $1 ORDER BY seq LIMIT ${AT_ONCE}`;
const LOOK_MS = 250;

export async function* tailMessages(pool: pg.Pool, options: TailOptions): AsyncGenerator<Tailed> {
  const { types, signal } = options;
  const wanted = types && new Set(types);
  let after = await startOf(pool, options);
  while (!signal.aborted) {
    const { rows } = await pool.query<MessageRow>(NEXT, [after]);
    for (const row of rows) {
      after = row.seq;
      if (!wanted || wanted.has(row.type)) yield toTailed(row);
    }
    // What comes in small numbers is gathered: a look for each would cost more than what it finds.
    if (rows.length < AT_ONCE) await pause(LOOK_MS, signal);
  }
}

async function startOf(pool: pg.Pool, { from, after }: TailOptions): Promise<bigint> {
  if (after) return after.get(STREAM) ?? 0n;
  const before = from && (await pool.query<{ after: bigint }>(BEFORE, [from])).rows[0];
  return (before ?? ((await pool.query<{ after: bigint }>(HEAD)).rows[0] as { after: bigint })).after;
}
