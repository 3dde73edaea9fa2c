import { type Database, prepared, Recent, type UnitOfWork } from '@weft/kit/store';
import { type Kysely, sql } from 'kysely';
import { ShipmentMoved, type ShippingStore, type ShippingTransaction } from '../app/ports.ts';
import type { Shipment } from '../domain/shipment.ts';
import { toEvent } from '../events/to-event.ts';
import {
  type AddressRow,
  addressRow,
  changedColumns,
  type ShipmentRow,
  shipmentRow,
  toAddress,
  toShipment,
} from './rows.ts';
import type { ShippingSchema } from './schema.ts';

/** Shipments as this process last saved them, without their addresses. */
export type RecentShipments = Recent<Shipment>;

export const recentShipments = (): RecentShipments => new Recent(({ terms }) => terms?.lines.length ?? 0);

/** @param choreographed of orders whose services act on events without being called: the events say so */
export function shippingStore(
  database: Database<ShippingSchema>,
  recent: RecentShipments,
  choreographed = false,
): ShippingStore {
  const db = database.read;
  return {
    transaction: (work) => database.transaction((tx) => work(shippingTransaction(tx, recent, choreographed))),
    async find(shipmentId) {
      const { rows } = await db.executeQuery(selectShipment(db, { shipmentId }));
      const [row] = rows;
      if (!row?.delivered) return row && toShipment(row);
      const query = db.selectFrom('shipment_address').selectAll().where('shipment_id', '=', shipmentId);
      const address = await query.executeTakeFirst();
      return toShipment(row, address && toAddress(address));
    },
    async versions(shipmentIds) {
      const rows = await db
        .selectFrom('shipment')
        .select(['shipment_id', 'version'])
        .where('shipment_id', '=', sql<string>`any(${shipmentIds}::uuid[])`)
        .execute();
      return new Map(rows.map((row) => [row.shipment_id, row.version]));
    },
    async claimWithdrawals(due, again, limit) {
      const rows = await db
        .updateTable('shipment')
        .set({ withdraw_at: again })
        .where('shipment_id', 'in', (query) =>
          query
            .selectFrom('shipment')
            .select('shipment_id')
            .where('withdraw_at', '<=', due)
            .orderBy('withdraw_at')
            .limit(limit)
            .forUpdate()
            .skipLocked(),
        )
        .returningAll()
        .execute();
      return rows.map((row) => toShipment(row));
    },
    async confirmWithdrawal({ shipmentId, withdrawAt }) {
      await db
        .updateTable('shipment')
        .set({ withdraw_at: null })
        .where('shipment_id', '=', shipmentId)
        .where('withdraw_at', '=', withdrawAt ?? null)
        .execute();
    },
  };
}

export function shippingTransaction(
  tx: UnitOfWork<ShippingSchema>,
  recent: RecentShipments,
  choreographed = false,
): ShippingTransaction {
  const { sql: db, defer, publish } = tx;
  const remember = (shipment: Shipment) => recent.keep(tx, shipment.shipmentId, withoutAddress(shipment));
  return {
    insert(shipment) {
      const { shipmentId, terms } = shipment;
      defer(insertShipment(db, shipmentRow(shipment)), { rows: 1, otherwise: () => new ShipmentMoved() });
      if (terms?.address) defer(insertAddress(db, addressRow(shipmentId, terms.customerId, terms.address)));
      remember(shipment);
    },
    recent: (shipmentId) => recent.seenBy(tx, shipmentId),
    async shipment(shipmentId) {
      const { rows } = await db.executeQuery(lockShipment(db, { shipmentId }));
      return rows[0] && toShipment(rows[0]);
    },
    async due(now, limit) {
      const rows = await db
        .selectFrom('shipment')
        .selectAll()
        .where('dispatch_at', '<=', now)
        .orderBy('dispatch_at')
        .limit(limit)
        .forUpdate()
        .skipLocked()
        .execute();
      return rows.map((row) => toShipment(row));
    },
    update(before, after) {
      defer(updateShipment(db, { ...shipmentRow(after), was_version: before.version, was_attempts: before.attempts }), {
        rows: 1,
      });
      remember(after);
    },
    publish: (shipment, reason) => publish(toEvent(shipment, choreographed, reason)),
  };
}

/** The addresses of a customer, also those that may come yet. */
export function eraseAddresses({ sql: db, defer }: UnitOfWork<ShippingSchema>, customerId: string): void {
  defer(db.deleteFrom('shipment_address').where('customer_id', '=', customerId));
  defer(
    db
      .insertInto('erased_customer')
      .values({ customer_id: customerId })
      .onConflict((conflict) => conflict.doNothing()),
  );
}

function withoutAddress(shipment: Shipment): Shipment {
  const { terms } = shipment;
  return terms?.address ? { ...shipment, terms: { ...terms, address: undefined } } : shipment;
}

type Db = Kysely<ShippingSchema>;

const insertShipment = prepared((db: Db, row: ShipmentRow) =>
  db
    .insertInto('shipment')
    .values(row)
    .onConflict((conflict) => conflict.doNothing()),
);

const insertAddress = prepared((db: Db, row: AddressRow) => ({
  compile: () =>
    sql`INSERT INTO shipment_address (shipment_id, customer_id, recipient, street, city, postal_code, country_code)
      SELECT ${row.shipment_id}::uuid, ${row.customer_id}::uuid, ${row.recipient}, ${row.street}, ${row.city}, ${row.postal_code}, ${row.country_code}
      WHERE NOT EXISTS (SELECT FROM erased_customer WHERE customer_id = ${row.customer_id}::uuid)`.compile(db),
}));

const selectShipment = prepared((db: Db, { shipmentId }: { shipmentId: string }) =>
  db.selectFrom('shipment').selectAll().where('shipment_id', '=', shipmentId),
);

const lockShipment = prepared((db: Db, { shipmentId }: { shipmentId: string }) =>
  db.selectFrom('shipment').selectAll().where('shipment_id', '=', shipmentId).forUpdate(),
);

const updateShipment = prepared((db: Db, row: ShipmentRow & { was_version: bigint; was_attempts: number }) =>
  db
    .updateTable('shipment')
    .set(changedColumns(row))
    .where('shipment_id', '=', row.shipment_id)
    .where('version', '=', row.was_version)
    .where('attempts', '=', row.was_attempts),
);
