import * as orders from '@weft/gen/es/weft/orders/v1/events_pb';
import * as payments from '@weft/gen/es/weft/payments/v1/events_pb';
import { OrderCancelled, OrderCompleted, OrderPlaced, OrderRejected } from '@weft/gen/grpc/weft/orders/v1/events';
import { PaymentCaptured, PaymentRefunded } from '@weft/gen/grpc/weft/payments/v1/events';
import { consumer, defineEvent, type EventType, ofChoreographed, on } from '@weft/kit/events';
import { defineService, run } from '@weft/kit/module';
import type { UnitOfWork } from '@weft/kit/store';
import type { Generated } from 'kysely';
import { sql } from 'kysely';

// A service of the test that adds up what it is told. Nothing but the inbox keeps it from counting an event twice.

interface LedgerSchema {
  entry: { order_id: string; events: Generated<number>; captured: Generated<bigint> };
}
type Tx = UnitOfWork<LedgerSchema>;

const add = (tx: Tx, orderId: string, columns: 'placed' | 'ended' | 'captured' | 'refunded', amount: bigint) => {
  const column = sql.ref(columns);
  return sql`INSERT INTO entry (order_id, ${column}) VALUES (${orderId}, ${amount})
    ON CONFLICT (order_id) DO UPDATE SET ${column} = entry.${column} + excluded.${column}`.execute(tx.sql);
};

const counting = <T extends { orderId: string }>(event: EventType<T>, column: 'placed' | 'ended') =>
  on<T, LedgerSchema>(event, async ({ orderId }, tx) => void (await add(tx, orderId, column, 1n)));

const summing = <T extends { orderId: string; amount?: { minorUnits: bigint } | undefined }>(
  event: EventType<T>,
  column: 'captured' | 'refunded',
) =>
  on<T, LedgerSchema>(event, async ({ orderId, amount }, tx) => {
    await add(tx, orderId, column, amount?.minorUnits ?? 0n);
  });

const placed = defineEvent(OrderPlaced, orders.OrderPlacedSchema);
const captured = defineEvent(PaymentCaptured, payments.PaymentCapturedSchema);
const refunded = defineEvent(PaymentRefunded, payments.PaymentRefundedSchema);

await run(
  defineService<Record<string, never>, LedgerSchema>({
    name: 'ledger',
    needs: [],
    settings: {},
    migrations: [
      {
        name: '001-ledger',
        up: `CREATE TABLE entry (
          order_id uuid PRIMARY KEY,
          placed bigint NOT NULL DEFAULT 0,
          ended bigint NOT NULL DEFAULT 0,
          captured bigint NOT NULL DEFAULT 0,
          refunded bigint NOT NULL DEFAULT 0
        )`,
      },
    ],
    create: () => ({
      grpc: [],
      consumers: [
        consumer('ledger.all', [
          counting(placed, 'placed'),
          counting(ofChoreographed(placed), 'placed'),
          counting(defineEvent(OrderCompleted, orders.OrderCompletedSchema), 'ended'),
          counting(defineEvent(OrderRejected, orders.OrderRejectedSchema), 'ended'),
          counting(defineEvent(OrderCancelled, orders.OrderCancelledSchema), 'ended'),
          summing(captured, 'captured'),
          summing(ofChoreographed(captured), 'captured'),
          summing(refunded, 'refunded'),
          summing(ofChoreographed(refunded), 'refunded'),
        ]),
      ],
    }),
  }),
);
