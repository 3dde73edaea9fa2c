import { DomainError } from '@weft/kit/failure';

export type ReservationStatus = 'reserved' | 'committed' | 'released';

/** Pieces of a stock code. */
export interface StockLine {
  readonly stockCode: string;
  readonly quantity: bigint;
}

export interface Reservation {
  readonly reservationId: string;
  readonly status: ReservationStatus;
  readonly lines: readonly StockLine[];
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const MOVES: Readonly<Record<ReservationStatus, readonly ReservationStatus[]>> = {
  reserved: ['committed', 'released'],
  committed: [],
  released: [],
};

export class ReservationReleased extends DomainError {
  constructor(reservationId: string) {
    super('failed-precondition', 'RESERVATION_RELEASED', 'the reservation was released', {
      reservation_id: reservationId,
    });
  }
}

export class ReservationCommitted extends DomainError {
  constructor(reservationId: string) {
    super('failed-precondition', 'RESERVATION_COMMITTED', 'the reservation is committed', {
      reservation_id: reservationId,
    });
  }
}

export class ReservationDiffers extends DomainError {
  constructor(reservationId: string) {
    super('already-exists', 'RESERVATION_EXISTS', 'the reservation holds other lines', {
      reservation_id: reservationId,
    });
  }
}

export class ReservationNotFound extends DomainError {
  constructor(reservationId: string) {
    super('not-found', 'RESERVATION_NOT_FOUND', 'there is no such reservation', { reservation_id: reservationId });
  }
}

export function newReservation(
  reservationId: string,
  status: 'reserved' | 'released',
  lines: readonly StockLine[],
  now: Date,
): Reservation {
  return { reservationId, status, lines, version: 1n, createdAt: now, updatedAt: now };
}

/** The reservation after a move; the same object when it is there already. */
export function moveTo(reservation: Reservation, status: 'committed' | 'released', now: Date): Reservation {
  if (reservation.status === status) return reservation;
  if (!MOVES[reservation.status].includes(status)) {
    throw reservation.status === 'committed'
      ? new ReservationCommitted(reservation.reservationId)
      : new ReservationReleased(reservation.reservationId);
  }
  return { ...reservation, status, version: reservation.version + 1n, updatedAt: now };
}

/** Checks a repeated Reserve against what stands. */
export function assertSameReservation(standing: Reservation, lines: readonly StockLine[]): void {
  if (standing.status === 'released') throw new ReservationReleased(standing.reservationId);
  const wanted = new Map(lines.map((line) => [line.stockCode, line.quantity]));
  const same =
    standing.lines.length === lines.length &&
    standing.lines.every((line) => wanted.get(line.stockCode) === line.quantity);
  if (!same) throw new ReservationDiffers(standing.reservationId);
}
