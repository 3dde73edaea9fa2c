import type pg from 'pg';
import { pause } from '../../store/backoff.ts';
import type { Published, TailOptions } from '../bus.ts';
import { type MessageRow, toPublished } from './rows.ts';

const HEAD = 'SELECT coalesce(max(seq), 0) AS after FROM bus.message';
const BEFORE = 'SELECT seq - 1 AS after FROM bus.message WHERE published_at >= $1 ORDER BY seq LIMIT 1';
const NEXT = 'SELECT * FROM bus.message WHERE seq > $1 ORDER BY seq LIMIT 200';
const LOOK_MS = 250;

export async function* tailMessages(pool: pg.Pool, { types, from, signal }: TailOptions): AsyncGenerator<Published> {
  const wanted = types && new Set(types);
  const before = from && (await pool.query<{ after: bigint }>(BEFORE, [from])).rows[0];
  let { after } = before ?? ((await pool.query<{ after: bigint }>(HEAD)).rows[0] as { after: bigint });
  while (!signal.aborted) {
    const { rows } = await pool.query<MessageRow>(NEXT, [after]);
    for (const row of rows) {
      after = row.seq;
      if (!wanted || wanted.has(row.type)) yield toPublished(row);
    }
    if (rows.length === 0) await pause(LOOK_MS, signal);
  }
}
