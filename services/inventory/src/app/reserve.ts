import { assertSameReservation, newReservation, type Reservation, type StockLine } from '../domain/reservation.ts';
import { assertAvailable, StockMoved } from '../domain/stock.ts';
import type { InventoryStore, InventoryTransaction } from './ports.ts';

const ATTEMPTS = 6;

/**
 * Promises all lines or none, once for a reservation's id. Mostly it is new and there is enough: that is tried first, and only
 * looked into when it fails. Stocks that everybody wants are locked no longer than the commit takes.
 */
export async function reserve(
  store: InventoryStore,
  reservationId: string,
  lines: readonly StockLine[],
  now: Date,
): Promise<Reservation> {
  for (let attempt = 1; ; attempt++) {
    try {
      const reservation = newReservation(reservationId, 'reserved', lines, now);
      return await store.transaction((tx) => (attempt === 1 ? reserveUnseen : lookAndReserve)(tx, reservation));
    } catch (error) {
      if (!(error instanceof StockMoved) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** The same in a transaction that does more than this: the stocks are locked first, as it cannot be tried again by itself. */
export async function reserveWithin(
  tx: InventoryTransaction,
  reservationId: string,
  lines: readonly StockLine[],
  now: Date,
): Promise<Reservation> {
  assertAvailable(await tx.stocks(lines.map(({ stockCode }) => stockCode)), lines);
  return lookAndReserve(tx, newReservation(reservationId, 'reserved', lines, now));
}

async function reserveUnseen(tx: InventoryTransaction, reservation: Reservation): Promise<Reservation> {
  tx.reserveUnseen(reservation);
  tx.publish({ type: 'reservation-changed', reservation });
  return reservation;
}

async function lookAndReserve(tx: InventoryTransaction, reservation: Reservation): Promise<Reservation> {
  const { reservationId, lines, createdAt: now } = reservation;
  if (!(await tx.insertReservation(reservation))) {
    const standing = (await tx.reservation(reservationId)) as Reservation;
    assertSameReservation(standing, lines);
    return standing;
  }
  assertAvailable(await tx.peekStocks(lines.map(({ stockCode }) => stockCode)), lines);
  tx.changeStocks(
    lines.map(({ stockCode, quantity }) => ({ stockCode, onHand: 0n, reserved: quantity })),
    now,
  );
  tx.publish({ type: 'reservation-changed', reservation });
  return reservation;
}
