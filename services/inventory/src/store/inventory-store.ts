import { addFacts, type Database, noteFacts, prepared, Recent, type UnitOfWork } from '@weft/kit/store';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { InventoryStore, InventoryTransaction, StockChange } from '../app/ports.ts';
import type { PartTransaction } from '../app/take-part.ts';
import type { Reservation, StockLine } from '../domain/reservation.ts';
import { type Stock, StockMoved } from '../domain/stock.ts';
import { toEvent } from '../events/to-event.ts';
import type { InventorySchema } from './schema.ts';

/** Reservations as this process made them. */
export type RecentReservations = Recent<Reservation>;

export const recentReservations = (): RecentReservations => new Recent(({ lines }) => lines.length);

export function inventoryStore(database: Database<InventorySchema>, recent: RecentReservations): InventoryStore {
  return {
    async transaction(work) {
      try {
        return await database.transaction((tx) => work(inventoryTransaction(tx, recent)));
      } catch (error) {
        throw MOVED.has(codeOf(error)) ? new StockMoved() : error;
      }
    },
    findStocks: (stockCodes) => selectStocks(database.read, stockCodes, false),
  };
}

/** Of those stock codes, the ones that are known. */
export async function stockVersions(
  { read: db }: Database<InventorySchema>,
  stockCodes: readonly string[],
): Promise<Map<string, bigint>> {
  const rows = await db
    .selectFrom('stock')
    .select(['stock_code', 'version'])
    .where('stock_code', '=', sql<string>`any(${stockCodes}::text[])`)
    .execute();
  return new Map(rows.map((row) => [row.stock_code, row.version]));
}

export function inventoryTransaction(
  tx: UnitOfWork<InventorySchema>,
  recent: RecentReservations,
  { choreographed }: { readonly choreographed: boolean } = { choreographed: false },
): InventoryTransaction {
  const { sql: db, publish, defer } = tx;
  return {
    recent: (reservationId) => recent.seenBy(tx, reservationId),
    reserveUnseen(reservation) {
      const { lines, createdAt } = reservation;
      const changes = lines.map(({ stockCode, quantity }) => ({ stockCode, onHand: 0n, reserved: quantity }));
      defer(insertReservation(db, reservationRow(reservation)));
      defer(changeStocks(db, stockChanges(changes, createdAt)), {
        rows: lines.length,
        otherwise: () => new StockMoved(),
      });
      recent.keep(tx, reservation.reservationId, reservation);
    },
    async insertReservation(reservation) {
      const inserted = await db
        .insertInto('reservation')
        .values(reservationRow(reservation))
        .onConflict((conflict) => conflict.doNothing())
        .returning('reservation_id')
        .executeTakeFirst();
      return inserted !== undefined;
    },
    async reservation(reservationId) {
      const { rows } = await db.executeQuery(lockReservation(db, { reservationId }));
      return rows[0] && toReservation(rows[0]);
    },
    updateReservation: (before, { reservationId, status, version, updatedAt }) =>
      defer(updateReservation(db, { reservationId, status, version, updatedAt, versionBefore: before.version }), {
        rows: 1,
      }),
    stocks: (stockCodes) => selectStocks(db, stockCodes, true),
    peekStocks: (stockCodes) => selectStocks(db, stockCodes, false),
    async insertStock({ stockCode, onHand, reserved, version, updatedAt }) {
      const inserted = await db
        .insertInto('stock')
        .values({ stock_code: stockCode, on_hand: onHand, reserved, version, updated_at: updatedAt })
        .onConflict((conflict) => conflict.doNothing())
        .returning('stock_code')
        .executeTakeFirst();
      return inserted !== undefined;
    },
    async updateStock({ stockCode, onHand, version, updatedAt }) {
      await db
        .updateTable('stock')
        .set({ on_hand: onHand, version, updated_at: updatedAt })
        .where('stock_code', '=', stockCode)
        .execute();
    },
    changeStocks: (changes, now) => defer(changeStocks(db, stockChanges(changes, now))),
    addStocks: (lines, now) => addStocks(db, lines, now),
    publish: (event) => publish(toEvent(event, choreographed)),
  };
}

/** A transaction of a choreographed order, which its events say. */
export function partTransaction(tx: UnitOfWork<InventorySchema>, recent: RecentReservations): PartTransaction {
  return {
    ...inventoryTransaction(tx, recent, { choreographed: true }),
    note: (orderId, facts) => noteFacts(tx, orderId, facts),
    add: (orderId, facts) => addFacts(tx, orderId, facts),
  };
}

/** The checks on a stock, and the key of a reservation. */
const MOVED: ReadonlySet<unknown> = new Set(['23514', '23505']);
const codeOf = (error: unknown) => (error as { code?: unknown }).code;

type Db = Kysely<InventorySchema>;
type StockRow = Selectable<InventorySchema['stock']>;
type ReservationRow = Selectable<InventorySchema['reservation']>;

const insertReservation = prepared((db: Db, row: ReservationRow) => db.insertInto('reservation').values(row));

const lockReservation = prepared((db: Db, { reservationId }: { reservationId: string }) =>
  db.selectFrom('reservation').selectAll().where('reservation_id', '=', reservationId).forUpdate(),
);

type ReservationMove = Pick<Reservation, 'reservationId' | 'status' | 'version' | 'updatedAt'> & {
  versionBefore: bigint;
};

const updateReservation = prepared(
  (db: Db, { reservationId, status, version, updatedAt, versionBefore }: ReservationMove) =>
    db
      .updateTable('reservation')
      .set({ status, version, updated_at: updatedAt })
      .where('reservation_id', '=', reservationId)
      .where('version', '=', versionBefore),
);

interface StockChanges {
  readonly codes: readonly string[];
  readonly onHand: readonly bigint[];
  readonly reserved: readonly bigint[];
  readonly now: Date;
}

function stockChanges(changes: readonly StockChange[], now: Date): StockChanges {
  return {
    codes: changes.map(({ stockCode }) => stockCode),
    onHand: changes.map((change) => change.onHand),
    reserved: changes.map((change) => change.reserved),
    now,
  };
}

const changeStocks = prepared((db: Db, changes: StockChanges) => {
  const statement = changeStatement(changes);
  return { compile: () => statement.compile(db) };
});

// One statement whatever the number of lines, so that it is prepared once. All are locked, in order, before the first changes; the
// codes are named again for the index: a plan for any number of lines would read every stock instead.
function changeStatement({ codes, onHand, reserved, now }: StockChanges) {
  return sql`
    WITH locked AS MATERIALIZED (
      SELECT stock_code FROM stock WHERE stock_code = any(${codes}::text[]) ORDER BY stock_code FOR UPDATE
    )
    UPDATE stock SET on_hand = on_hand + change.add_on_hand, reserved = reserved + change.add_reserved, version = version + 1, updated_at = ${now}
    FROM unnest(${codes}::text[], ${onHand}::bigint[], ${reserved}::bigint[]) AS change(code, add_on_hand, add_reserved)
    WHERE (SELECT count(*) FROM locked) > 0 AND stock.stock_code = any(${codes}::text[]) AND stock.stock_code = change.code`;
}

async function addStocks(db: Kysely<InventorySchema>, lines: readonly StockLine[], now: Date): Promise<Stock[]> {
  const codes = lines.map(({ stockCode }) => stockCode);
  await sql`INSERT INTO stock (stock_code, on_hand, reserved, version, updated_at)
    SELECT code, 0, 0, 0, ${now} FROM unnest(${codes}::text[]) AS code ORDER BY code ON CONFLICT DO NOTHING`.execute(
    db,
  );
  const changes = lines.map(({ stockCode, quantity }) => ({ stockCode, onHand: quantity, reserved: 0n }));
  const { rows } = await sql<StockRow>`${changeStatement(stockChanges(changes, now))} RETURNING stock.*`.execute(db);
  return rows.map(toStock);
}

async function selectStocks(
  db: Kysely<InventorySchema>,
  stockCodes: readonly string[],
  lock: boolean,
): Promise<Map<string, Stock>> {
  const query = db
    .selectFrom('stock')
    .selectAll()
    .where('stock_code', '=', sql<string>`any(${stockCodes}::text[])`)
    .orderBy('stock_code');
  const rows = await (lock ? query.forUpdate() : query).execute();
  return new Map(rows.map((row) => [row.stock_code, toStock(row)]));
}

function toStock(row: StockRow): Stock {
  return {
    stockCode: row.stock_code,
    onHand: row.on_hand,
    reserved: row.reserved,
    version: row.version,
    updatedAt: row.updated_at,
  };
}

function toReservation(row: Selectable<InventorySchema['reservation']>): Reservation {
  return {
    reservationId: row.reservation_id,
    status: row.status,
    lines: row.stock_codes.map((stockCode, index) => ({ stockCode, quantity: row.quantities[index] ?? 0n })),
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function reservationRow({ reservationId, status, lines, version, createdAt, updatedAt }: Reservation) {
  return {
    reservation_id: reservationId,
    status,
    stock_codes: lines.map(({ stockCode }) => stockCode),
    quantities: lines.map(({ quantity }) => quantity),
    version,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}
