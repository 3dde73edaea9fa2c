import { CompiledQuery } from 'kysely';
import type { Database, UnitOfWork } from './database.ts';
import type { OutgoingEvent } from './outbox.ts';
import type { Migration } from './store-migrations.ts';

/** Facts that ask for work, as one worker has them in hand. */
export interface DueFacts<F> {
  readonly id: string;
  /** What is known, each fact under its name, as plain JSON. */
  readonly facts: F;
  /** Failed tries since the last fact was noted. */
  readonly tries: number;
  /** Until when nobody else takes them; changes when a fact is noted meanwhile. */
  readonly heldUntil: Date;
}

/** The table of a service that takes part in what no coordinator leads. */
export const factsMigrations: readonly Migration[] = [
  {
    name: 'store/facts-0001',
    up: `
    CREATE TABLE fact (
      id uuid PRIMARY KEY,
      facts jsonb NOT NULL,
      due_at timestamptz,
      tries int NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50);
    CREATE INDEX fact_due_at ON fact (due_at) WHERE due_at IS NOT NULL;
  `,
  },
  {
    name: 'store/facts-0002',
    up: `
    -- Since when there is something to be done; of what was due before there was this column, the next try.
    ALTER TABLE fact ADD COLUMN due_since timestamptz;
  `,
  },
];

// What is known already stays as it is: a fact that comes again, or after what it held was erased, changes nothing.
const NOTE = `
  INSERT INTO fact (id, facts, due_at, due_since) VALUES ($1, $2, $3, $3)
  ON CONFLICT (id) DO UPDATE SET facts = excluded.facts || fact.facts, due_at = coalesce(excluded.due_at, fact.due_at), tries = 0,
    due_since = CASE WHEN fact.due_at IS NULL THEN excluded.due_at ELSE fact.due_since END`;
const CLAIM = `
  UPDATE fact SET due_at = $2 WHERE id IN (
    SELECT id FROM fact WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
  ) RETURNING id, facts, tries`;
const ADD = 'UPDATE fact SET facts = $2::jsonb || facts WHERE id = $1';
const REST = 'UPDATE fact SET due_at = NULL, tries = 0, facts = facts #- $3::text[] WHERE id = $1 AND due_at = $2';
const RETRY = 'UPDATE fact SET due_at = $3, tries = tries + 1 WHERE id = $1 AND due_at = $2';
const COUNT = 'SELECT count(*)::int AS count FROM fact WHERE due_at IS NOT NULL';
const OPEN = `
  SELECT count(*)::int AS count, count(*) FILTER (WHERE tries >= $1)::int AS stalled, min(coalesce(due_since, due_at)) AS oldest
  FROM fact WHERE due_at IS NOT NULL`;

/** Notes facts, locked until the end of the transaction, and gives all that are known then. */
export async function noteFacts<F extends object, S>(tx: UnitOfWork<S>, id: string, facts: F): Promise<F> {
  const noted = CompiledQuery.raw(`${NOTE} RETURNING facts`, [id, JSON.stringify(facts), null]);
  const { rows } = await tx.sql.executeQuery(noted);
  return (rows[0] as { facts: F }).facts;
}

/** Notes what follows from facts that `noteFacts` has locked, with the commit. */
export function addFacts<S>(tx: UnitOfWork<S>, id: string, facts: object): void {
  tx.defer(CompiledQuery.raw(ADD, [id, JSON.stringify(facts)]));
}

/** Notes facts with the commit, for a worker to act on from then on. */
export function noteDueFacts<S>(tx: UnitOfWork<S>, id: string, facts: object, now: Date): void {
  tx.defer(CompiledQuery.raw(NOTE, [id, JSON.stringify(facts), now]));
}

/** Facts that ask for work. Whoever takes them has a time to say what became of it; then others take them. */
export interface FactsDue<F> {
  /** At most `limit`, oldest first; those that somebody else has in hand are left out. */
  claim(limit: number): Promise<DueFacts<F>[]>;
  /** Nothing more is to be done, unless a fact was noted meanwhile. @param erased path of what is not needed any more */
  rest(due: DueFacts<F>, erased: readonly string[]): Promise<void>;
  /** It is to be tried again at that time, or at once where a fact was noted meanwhile. @param alert published with it */
  retry(due: DueFacts<F>, at: Date, alert?: OutgoingEvent): Promise<void>;
  /** Notes what the worker itself has decided. */
  add(id: string, facts: F): Promise<void>;
  count(): Promise<number>;
  /** All that ask for work, in anybody's hand or not. @param tries failures from which on they count as stalled */
  open(tries: number): Promise<OpenFacts>;
}

export interface OpenFacts {
  readonly count: number;
  readonly stalled: number;
  /** Since when the first of them asks. */
  readonly oldest: Date | undefined;
}

/** @param heldMs how long whoever takes facts has them for itself */
export function dueFacts<F extends object, S>(database: Database<S>, now: () => Date, heldMs: number): FactsDue<F> {
  const { read: db } = database;
  const execute = async <Row>(text: string, values: readonly unknown[]): Promise<Row[]> =>
    (await db.executeQuery(CompiledQuery.raw(text, [...values]))).rows as Row[];
  return {
    async claim(limit) {
      const heldUntil = new Date(now().getTime() + heldMs);
      const rows = await execute<Omit<DueFacts<F>, 'heldUntil'>>(CLAIM, [now(), heldUntil, limit]);
      return rows.map((row) => ({ ...row, heldUntil }));
    },
    async rest({ id, heldUntil }, erased) {
      await execute(REST, [id, heldUntil, erased]);
    },
    async retry({ id, heldUntil }, at, alert) {
      if (!alert) return void (await execute(RETRY, [id, heldUntil, at]));
      await database.transaction(async (tx) => {
        tx.defer(CompiledQuery.raw(RETRY, [id, heldUntil, at]));
        tx.publish(alert);
      });
    },
    async add(id, facts) {
      await execute(ADD, [id, JSON.stringify(facts)]);
    },
    async count() {
      const [row] = await execute<{ count: number }>(COUNT, []);
      return row?.count ?? 0;
    },
    async open(tries) {
      const [row] = await execute<{ count: number; stalled: number; oldest: Date | null }>(OPEN, [tries]);
      return { count: row?.count ?? 0, stalled: row?.stalled ?? 0, oldest: row?.oldest ?? undefined };
    },
  };
}
