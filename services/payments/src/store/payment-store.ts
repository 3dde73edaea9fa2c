import { type Database, prepared, type UnitOfWork } from '@weft/kit/store';
import type { Kysely } from 'kysely';
import type { PaymentStore, PaymentTransaction } from '../app/ports.ts';
import type { Payment } from '../domain/payment.ts';
import { toEvent } from '../events/to-event.ts';
import { changedColumns, type PaymentRow, paymentRow, refundRow, toPayment, toRefund } from './rows.ts';
import type { PaymentsSchema } from './schema.ts';

/** @param choreographed of orders whose services act on events without being called: the events say so */
export function paymentStore(
  database: Database<PaymentsSchema>,
  { choreographed }: { readonly choreographed: boolean } = { choreographed: false },
): PaymentStore {
  return {
    transaction: (work) => database.transaction((tx) => work(paymentTransaction(tx, choreographed))),
    change: (seen, decide) =>
      database.transaction(async (unit) => {
        const tx = paymentTransaction(unit, choreographed);
        return decide(unit.attempt === 1 ? seen : ((await tx.payment(seen.paymentId)) as Payment), tx);
      }),
    insertPayment: (payment) => insertPayment(database.read, payment),
    async countCapture(paymentId) {
      const { rows } = await database.read.executeQuery(countCapture(database.read, { paymentId }));
      return rows[0] && toPayment(rows[0]);
    },
    async findPayment(paymentId) {
      const query = database.read.selectFrom('payment').selectAll().where('payment_id', '=', paymentId);
      const row = await query.executeTakeFirst();
      return row && toPayment(row);
    },
    claimReleases: (due, again, limit) =>
      database.transaction(async ({ sql: db }) => {
        const rows = await db
          .updateTable('payment')
          .set({ release_after: again })
          .where('payment_id', 'in', (query) =>
            query
              .selectFrom('payment')
              .select('payment_id')
              .where('release_after', '<=', due)
              .orderBy('release_after')
              .limit(limit)
              .forUpdate()
              .skipLocked(),
          )
          .returningAll()
          .execute();
        return rows.map(toPayment);
      }),
    confirmRelease: ({ paymentId, releaseAfter }) =>
      database.transaction(async ({ sql: db }) => {
        await db
          .updateTable('payment')
          .set({ release_after: null })
          .where('payment_id', '=', paymentId)
          .where('release_after', '=', releaseAfter ?? null)
          .execute();
      }),
  };
}

type Db = Kysely<PaymentsSchema>;

const insertNew = prepared((db: Db, row: PaymentRow) =>
  db
    .insertInto('payment')
    .values(row)
    .onConflict((conflict) => conflict.doNothing()),
);

const countCapture = prepared((db: Db, { paymentId }: { paymentId: string }) =>
  db
    .updateTable('payment')
    .set(({ eb }) => ({ capture_attempts: eb('capture_attempts', '+', 1) }))
    .where('payment_id', '=', paymentId)
    .where('status', '=', 'authorized')
    .returningAll(),
);

type Standing = { was_version: bigint; was_captured: number; was_authorized: number; was_refunding: bigint };

const updateStanding = prepared((db: Db, row: PaymentRow & Standing) => {
  const { payment_id, was_version, was_captured, was_authorized, was_refunding } = row;
  return db
    .updateTable('payment')
    .set(changedColumns(row))
    .where('payment_id', '=', payment_id)
    .where('version', '=', was_version)
    .where('capture_attempts', '=', was_captured)
    .where('authorize_attempts', '=', was_authorized)
    .where('refunding', '=', was_refunding);
});

async function insertPayment(db: Db, payment: Payment): Promise<boolean> {
  const { numAffectedRows } = await db.executeQuery(insertNew(db, paymentRow(payment)));
  return numAffectedRows === 1n;
}

function paymentTransaction(
  { sql: db, publish, defer }: UnitOfWork<PaymentsSchema>,
  choreographed: boolean,
): PaymentTransaction {
  return {
    insertPayment: (payment) => insertPayment(db, payment),
    async payment(paymentId) {
      const row = await db
        .selectFrom('payment')
        .selectAll()
        .where('payment_id', '=', paymentId)
        .forUpdate()
        .executeTakeFirst();
      return row && toPayment(row);
    },
    updatePayment: (before, after) =>
      defer(
        updateStanding(db, {
          ...paymentRow(after),
          was_version: before.version,
          was_captured: before.captureAttempts,
          was_authorized: before.authorizeAttempts,
          was_refunding: before.refunding,
        }),
        { rows: 1 },
      ),
    async refund(paymentId, refundId) {
      const row = await db
        .selectFrom('refund')
        .selectAll()
        .where('payment_id', '=', paymentId)
        .where('refund_id', '=', refundId)
        .executeTakeFirst();
      return row && toRefund(row);
    },
    saveRefund(refund) {
      const { status, attempts, updatedAt } = refund;
      defer(
        db
          .insertInto('refund')
          .values(refundRow(refund))
          .onConflict((conflict) =>
            conflict.columns(['payment_id', 'refund_id']).doUpdateSet({ status, attempts, updated_at: updatedAt }),
          ),
      );
    },
    publish: (event) => publish(toEvent(event, choreographed)),
  };
}
