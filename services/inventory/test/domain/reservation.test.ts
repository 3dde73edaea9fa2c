import { describe, expect, it } from '@jest/globals';
import { assertSameReservation, moveTo, newReservation, type ReservationStatus } from '../../src/domain/reservation.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const LATER = new Date('2026-01-01T00:00:01Z');
const LINES = [
  { stockCode: 'A', quantity: 2n },
  { stockCode: 'B', quantity: 1n },
];

const standing = (status: ReservationStatus) => {
  const reserved = newReservation('r', 'reserved', LINES, NOW);
  return status === 'reserved' ? reserved : moveTo(reserved, status, NOW);
};

describe('moves of a reservation', () => {
  it.each<[ReservationStatus, 'committed' | 'released', string]>([
    ['reserved', 'committed', 'moves'],
    ['reserved', 'released', 'moves'],
    ['committed', 'committed', 'stays'],
    ['committed', 'released', 'RESERVATION_COMMITTED'],
    ['released', 'committed', 'RESERVATION_RELEASED'],
    ['released', 'released', 'stays'],
  ])('%s to %s: %s', (from, to, outcome) => {
    const reservation = standing(from);
    const move = () => moveTo(reservation, to, LATER);
    if (outcome === 'stays') expect(move()).toBe(reservation);
    else if (outcome === 'moves') expect(move()).toEqual({ ...reservation, status: to, version: 2n, updatedAt: LATER });
    else expect(move).toThrow(expect.objectContaining({ reason: outcome }));
  });

  it('of a tombstone do not exist: it was released before it was made', () => {
    const tombstone = newReservation('r', 'released', [], NOW);
    expect(tombstone).toMatchObject({ version: 1n, lines: [] });
    expect(moveTo(tombstone, 'released', LATER)).toBe(tombstone);
    expect(() => moveTo(tombstone, 'committed', LATER)).toThrow(
      expect.objectContaining({ reason: 'RESERVATION_RELEASED' }),
    );
  });
});

describe('a reservation that is asked for again', () => {
  it('is the same with the same lines in any order, also once it is committed', () => {
    for (const status of ['reserved', 'committed'] as const) {
      expect(() => assertSameReservation(standing(status), LINES.toReversed())).not.toThrow();
    }
  });

  it.each([
    ['another quantity', [{ stockCode: 'A', quantity: 3n }, LINES[1]]],
    ['another code', [{ stockCode: 'C', quantity: 2n }, LINES[1]]],
    ['fewer lines', [LINES[0]]],
    ['more lines', [...LINES, { stockCode: 'C', quantity: 1n }]],
  ])('is refused with %s', (_, lines) => {
    expect(() => assertSameReservation(standing('reserved'), lines as typeof LINES)).toThrow(
      expect.objectContaining({ reason: 'RESERVATION_EXISTS' }),
    );
  });

  it('is refused once it was released, whatever its lines are', () => {
    for (const lines of [LINES, []]) {
      expect(() => assertSameReservation(standing('released'), lines)).toThrow(
        expect.objectContaining({ reason: 'RESERVATION_RELEASED' }),
      );
    }
  });
});
