import type { Database, UnitOfWork } from '@weft/kit/store';
import type { PaymentStore, PaymentTransaction } from '../app/ports.ts';
import { toEvent } from '../events/to-event.ts';
import { paymentChanges, paymentRow, refundRow, toPayment, toRefund } from './rows.ts';
import type { PaymentsSchema } from './schema.ts';

export function paymentStore(database: Database<PaymentsSchema>): PaymentStore {
  return {
    transaction: (work) => database.transaction((tx) => work(paymentTransaction(tx))),
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

function paymentTransaction({ sql: db, publish, defer }: UnitOfWork<PaymentsSchema>): PaymentTransaction {
  return {
    async insertPayment(payment) {
      const inserted = await db
        .insertInto('payment')
        .values(paymentRow(payment))
        .onConflict((conflict) => conflict.doNothing())
        .returning('payment_id')
        .executeTakeFirst();
      return inserted !== undefined;
    },
    async payment(paymentId) {
      const row = await db
        .selectFrom('payment')
        .selectAll()
        .where('payment_id', '=', paymentId)
        .forUpdate()
        .executeTakeFirst();
      return row && toPayment(row);
    },
    updatePayment: (payment) =>
      defer(db.updateTable('payment').set(paymentChanges(payment)).where('payment_id', '=', payment.paymentId)),
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
    publish: (event) => publish(toEvent(event)),
  };
}
