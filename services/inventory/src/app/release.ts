import { moveTo, newReservation, type Reservation } from '../domain/reservation.ts';
import type { InventoryStore } from './ports.ts';

/** Gives a reservation's pieces back, once. One never seen is recorded as released: a Reserve that comes late is refused. */
export function release(
  store: Pick<InventoryStore, 'transaction'>,
  reservationId: string,
  now: Date,
): Promise<Reservation> {
  return store.transaction(async (tx) => {
    const tombstone = newReservation(reservationId, 'released', [], now);
    if (await tx.insertReservation(tombstone)) {
      tx.publish({ type: 'reservation-changed', reservation: tombstone });
      return tombstone;
    }
    const standing = (await tx.reservation(reservationId)) as Reservation;
    const released = moveTo(standing, 'released', now);
    if (released === standing) return standing;
    const changes = standing.lines.map(({ stockCode, quantity }) => ({ stockCode, onHand: 0n, reserved: -quantity }));
    tx.changeStocks(changes, now);
    tx.updateReservation(standing, released);
    tx.publish({ type: 'reservation-changed', reservation: released });
    return released;
  });
}
