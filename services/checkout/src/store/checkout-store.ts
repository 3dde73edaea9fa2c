import { isDeepStrictEqual } from 'node:util';
import { type Database, Outdated, prepared, type UnitOfWork } from '@weft/kit/store';
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import type { CheckoutStore, CheckoutTransaction } from '../app/ports.ts';
import type { Saga } from '../domain/saga.ts';
import { toEvents } from '../events/to-events.ts';
import type { CheckoutSchema } from './schema.ts';

export function checkoutStore(database: Database<CheckoutSchema>, now: () => Date): CheckoutStore {
  const db = database.read;
  return {
    transaction: (work) => database.transaction((tx) => work(checkoutTransaction(tx, now))),
    async find(sagaId) {
      const row = await db.selectFrom('saga').selectAll().where('saga_id', '=', sagaId).executeTakeFirst();
      return row && toSaga(row);
    },
    async list({ orderId, state, before, limit }) {
      let query = db.selectFrom('saga').selectAll().orderBy('saga_id', 'desc').limit(limit);
      if (orderId !== undefined) query = query.where('order_id', '=', orderId);
      if (state !== undefined) query = query.where('state', '=', state);
      if (before !== undefined) query = query.where('saga_id', '<', before);
      return (await query.execute()).map(toSaga);
    },
    async countOpen() {
      const { count } = await db
        .selectFrom('saga')
        .select(({ fn }) => fn.countAll<bigint>().as('count'))
        .where('state', 'in', ['running', 'compensating'])
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    async open() {
      const rows = await db
        .selectFrom('saga')
        .select(({ fn }) => [
          'kind',
          'state',
          fn.countAll<bigint>().as('count'),
          fn.countAll<bigint>().filterWhere('stalled', '=', true).as('stalled'),
          fn.min('created_at').as('oldest'),
        ])
        .where('state', 'in', ['running', 'compensating'])
        .groupBy(['kind', 'state'])
        .execute();
      return rows.map(({ count, stalled, ...row }) => ({ ...row, count: Number(count), stalled: Number(stalled) }));
    },
    async claim({ leaseId, length }, at, limit) {
      const { rows } = await sql<Selectable<CheckoutSchema['saga']>>`
        UPDATE saga SET lease_id = ${leaseId}, lease_until = ${later(at, length)}, version = version + 1
        WHERE saga_id IN (
          SELECT saga_id FROM saga
          WHERE state IN ('running', 'compensating') AND next_attempt_at <= ${at} AND (lease_until IS NULL OR lease_until < ${at})
          ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ) RETURNING *`.execute(db);
      return rows.map(toSaga);
    },
    async saveLeased({ leaseId, length }, before, after, { release, next }) {
      const saved = { ...after, version: before.version + 1n };
      const lease = release
        ? { lease_id: null, lease_until: null }
        : { lease_id: leaseId, lease_until: later(now(), length) };
      const kept = { ...lease, before_id: before.sagaId, before_version: before.version, before_lease: leaseId };
      const rewritten = before.input !== after.input || before.cancellation !== after.cancellation;
      const update = rewritten
        ? updateLeased(db, { ...stepColumns(saved), ...inputColumns(saved), ...kept })
        : updateLeasedStep(db, { ...stepColumns(saved), ...kept });
      const events = toEvents(before, saved);
      const saving = async (): Promise<boolean> => {
        // Most saves publish nothing: one statement, its own transaction.
        if (events.length === 0 && !next) return (await db.executeQuery(update)).numAffectedRows === 1n;
        await database.transaction(async (tx) => {
          tx.defer(update, { rows: 1, otherwise: () => new NotAsBefore() });
          tx.publish(...events);
          if (next) checkoutTransaction(tx, now).insert(next);
        });
        return true;
      };
      const done = await saving().catch((error: unknown) => {
        if (error instanceof NotAsBefore) return false;
        throw error;
      });
      if (done) return { saved: true, saga: saved };
      const row = await db
        .selectFrom('saga')
        .selectAll()
        .where('saga_id', '=', before.sagaId)
        .where('lease_id', '=', leaseId)
        .executeTakeFirst();
      if (!row) return undefined;
      const found = toSaga(row);
      // The connection may have been lost after the commit: then it is as we saved it.
      const ours = found.version === saved.version && isDeepStrictEqual(found.steps, saved.steps);
      return { saved: ours, saga: found };
    },
  };
}

class NotAsBefore extends Error {}

export function checkoutTransaction(tx: UnitOfWork<CheckoutSchema>, now: () => Date): CheckoutTransaction {
  const { sql: db } = tx;
  return {
    attempt: tx.attempt,
    onCommit: tx.onCommit,
    onAbort: tx.onAbort,
    insert(saga, lease) {
      const { sagaId, kind, orderId, headers, createdAt } = saga;
      const row = { saga_id: sagaId, kind, order_id: orderId, headers: JSON.stringify(headers), created_at: createdAt };
      const leased = { lease_id: lease?.leaseId ?? null, lease_until: lease ? later(now(), lease.length) : null };
      const inserted = insertSaga(db, { ...row, ...stepColumns(saga), ...inputColumns(saga), ...leased });
      tx.defer(inserted, { rows: 1, otherwise: () => new Outdated() });
      tx.publish(...toEvents(undefined, saga));
    },
    async saga(sagaId) {
      const row = await db.selectFrom('saga').selectAll().where('saga_id', '=', sagaId).forUpdate().executeTakeFirst();
      return row && toSaga(row);
    },
    save(before, after) {
      const saved = { ...after, version: before.version + 1n };
      tx.defer(
        db
          .updateTable('saga')
          .set({ ...stepColumns(saved), ...inputColumns(saved) })
          .where('saga_id', '=', before.sagaId),
      );
      tx.publish(...toEvents(before, saved));
    },
  };
}

type Db = Kysely<CheckoutSchema>;
type Leased = ReturnType<typeof stepColumns> & {
  lease_id: string | null;
  lease_until: Date | null;
  before_id: string;
  before_version: bigint;
  before_lease: string;
};

const insertSaga = prepared((db: Db, row: Insertable<CheckoutSchema['saga']>) =>
  db
    .insertInto('saga')
    .values(row)
    .onConflict((conflict) => conflict.column('saga_id').doNothing()),
);

const updateIfLeased = (db: Db, { before_id, before_version, before_lease, ...columns }: Leased) =>
  db
    .updateTable('saga')
    .set(columns)
    .where('saga_id', '=', before_id)
    .where('version', '=', before_version)
    .where('lease_id', '=', before_lease);
const updateLeased = prepared((db: Db, columns: Leased & ReturnType<typeof inputColumns>) =>
  updateIfLeased(db, columns),
);
const updateLeasedStep = prepared(updateIfLeased);

function stepColumns({ state, reason, steps, failures, stalled, nextAttemptAt, version, updatedAt }: Saga) {
  return {
    state,
    reason,
    steps: JSON.stringify(steps),
    failures,
    stalled,
    next_attempt_at: nextAttemptAt,
    version,
    updated_at: updatedAt,
  };
}

// They may be long, and are written when they change, not with each step.
function inputColumns({ input, cancellation }: Saga) {
  return { input: JSON.stringify(input), cancellation: cancellation ? JSON.stringify(cancellation) : null };
}

function later(at: Date, milliseconds: number): Date {
  return new Date(at.getTime() + milliseconds);
}

function toSaga(row: Selectable<CheckoutSchema['saga']>): Saga {
  return {
    sagaId: row.saga_id,
    kind: row.kind,
    orderId: row.order_id,
    state: row.state,
    reason: row.reason,
    steps: row.steps,
    input: row.input,
    headers: row.headers,
    cancellation: row.cancellation ?? undefined,
    failures: row.failures,
    stalled: row.stalled,
    nextAttemptAt: row.next_attempt_at,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
