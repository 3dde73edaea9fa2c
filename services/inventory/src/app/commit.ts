import { moveTo, type Reservation, ReservationNotFound } from '../domain/reservation.ts';
import type { InventoryStore } from './ports.ts';

/** Takes a reservation's pieces off the shelf, once. */
export function commit(
  store: Pick<InventoryStore, 'transaction'>,
  reservationId: string,
  now: Date,
): Promise<Reservation> {
  return store.transaction(async (tx) => {
    const recent = tx.recent(reservationId);
    const standing = recent?.status === 'reserved' ? recent : await tx.reservation(reservationId);
    if (!standing) throw new ReservationNotFound(reservationId);
    const committed = moveTo(standing, 'committed', now);
    if (committed === standing) return standing;
    const changes = standing.lines.map(({ stockCode, quantity }) => ({
      stockCode,
      onHand: -quantity,
      reserved: -quantity,
    }));
    tx.changeStocks(changes, now);
    tx.updateReservation(standing, committed);
    tx.publish({ type: 'reservation-changed', reservation: committed });
    return committed;
  });
}
