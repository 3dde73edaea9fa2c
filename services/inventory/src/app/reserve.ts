import { assertSameReservation, newReservation, type Reservation, type StockLine } from '../domain/reservation.ts';
import { assertAvailable, StockMoved } from '../domain/stock.ts';
import type { InventoryStore } from './ports.ts';

const ATTEMPTS = 5;

/**
 * Promises all lines or none, once for a reservation's id. Stocks that everybody wants are locked no longer than the commit
 * takes: what is there is seen before, and seen again when others were faster.
 */
export async function reserve(
  store: InventoryStore,
  reservationId: string,
  lines: readonly StockLine[],
  now: Date,
): Promise<Reservation> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToReserve(store, reservationId, lines, now);
    } catch (error) {
      if (!(error instanceof StockMoved) || attempt === ATTEMPTS) throw error;
    }
  }
}

function tryToReserve(
  store: InventoryStore,
  reservationId: string,
  lines: readonly StockLine[],
  now: Date,
): Promise<Reservation> {
  return store.transaction(async (tx) => {
    const reservation = newReservation(reservationId, 'reserved', lines, now);
    if (!(await tx.insertReservation(reservation))) {
      const standing = (await tx.reservation(reservationId)) as Reservation;
      assertSameReservation(standing, lines);
      return standing;
    }
    assertAvailable(await tx.peekStocks(lines.map(({ stockCode }) => stockCode)), lines);
    const changes = lines.map(({ stockCode, quantity }) => ({ stockCode, onHand: 0n, reserved: quantity }));
    tx.changeStocks(changes, now);
    tx.publish({ type: 'reservation-changed', reservation });
    return reservation;
  });
}
