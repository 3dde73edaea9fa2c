import { assertSameReservation, newReservation, type Reservation, type StockLine } from '../domain/reservation.ts';
import { assertAvailable } from '../domain/stock.ts';
import type { InventoryStore } from './ports.ts';

/** Promises all lines or none, once for a reservation's id. */
export function reserve(
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
    assertAvailable(await tx.stocks(lines.map(({ stockCode }) => stockCode)), lines);
    const changes = lines.map(({ stockCode, quantity }) => ({ stockCode, onHand: 0n, reserved: quantity }));
    tx.changeStocks(changes, now);
    tx.publish({ type: 'reservation-changed', reservation });
    return reservation;
  });
}
