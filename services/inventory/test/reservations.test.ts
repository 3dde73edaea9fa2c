import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReservationStatus } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { RemoteError, status } from '@weft/kit/rpc';
import { failure, openWarehouse, pieces, type Warehouse } from './fixture.ts';

const { ALREADY_EXISTS, FAILED_PRECONDITION, NOT_FOUND } = status;
const { RESERVATION_STATUS_RESERVED, RESERVATION_STATUS_COMMITTED, RESERVATION_STATUS_RELEASED } = ReservationStatus;

let house: Warehouse;
beforeAll(async () => {
  house = await openWarehouse();
});
afterAll(() => house.booted.stop());

/** A reservation of two pieces of a new code that has five. */
async function reserved() {
  const [stockCode = ''] = await house.stocked(5n);
  const request = { reservationId: randomUUID(), lines: pieces([stockCode, 2n]) };
  await house.checkout.reserve(request);
  return { ...request, stockCode };
}

describe('Reserve', () => {
  it('promises all lines, and answers with the reservation', async () => {
    const [a = '', b = ''] = await house.stocked(5n, 1n);
    const reservationId = randomUUID();
    const lines = pieces([b, 1n], [a, 2n]);
    const { reservation } = await house.checkout.reserve({ reservationId, lines });
    expect(reservation).toMatchObject({ reservationId, lines, status: RESERVATION_STATUS_RESERVED, version: 1n });
    expect(await house.stock(a)).toEqual({ onHand: 5n, reserved: 2n, available: 3n });
    expect(await house.stock(b)).toEqual({ onHand: 1n, reserved: 1n, available: 0n });
    expect(await house.events(reservationId)).toMatchObject([{ type: 'stock_reserved', version: 1n, lines }]);
  });

  it('promises nothing where one line is short, names what is short, and may be tried again', async () => {
    const [a = '', b = '', c = ''] = await house.stocked(5n, 1n, 0n);
    const request = { reservationId: randomUUID(), lines: pieces([a, 5n], [b, 2n], [c, 1n], ['no-such-code', 1n]) };
    const metadata = { stock_codes: `${b},${c},no-such-code`, count: '3' };
    await expect(house.checkout.reserve(request)).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'OUT_OF_STOCK', metadata),
    );
    for (const code of [a, b, c]) expect(await house.stock(code)).toMatchObject({ reserved: 0n });
    expect(await house.events(request.reservationId)).toEqual([]);
    const less = { ...request, lines: pieces([a, 5n], [b, 1n]) };
    expect((await house.checkout.reserve(less)).reservation?.lines).toMatchObject(less.lines);
  });

  it('of the same reservation again, in any spelling and order, changes nothing', async () => {
    const [a = '', b = ''] = await house.stocked(5n, 5n);
    const reservationId = randomUUID();
    const lines = pieces([a, 2n], [b, 1n]);
    const first = await house.checkout.reserve({ reservationId, lines });
    for (const again of [
      { reservationId, lines },
      { reservationId: reservationId.toUpperCase(), lines: lines.toReversed() },
    ]) {
      expect(await house.checkout.reserve(again)).toEqual(first);
    }
    expect(await house.stock(a)).toMatchObject({ reserved: 2n });
    expect(await house.events(reservationId)).toHaveLength(1);
  });

  it('with other lines under the same id is refused, and nothing changes', async () => {
    const { reservationId, stockCode, lines } = await reserved();
    for (const other of [pieces([stockCode, 3n]), [...lines, ...pieces(['other', 1n])]]) {
      await expect(house.checkout.reserve({ reservationId, lines: other })).rejects.toEqual(
        failure(ALREADY_EXISTS, 'RESERVATION_EXISTS', { reservation_id: reservationId }),
      );
    }
    expect(await house.stock(stockCode)).toMatchObject({ reserved: 2n });
  });

  it('is done once however many ask for the same at the same time', async () => {
    const [stockCode = ''] = await house.stocked(5n);
    const request = { reservationId: randomUUID(), lines: pieces([stockCode, 3n]) };
    const answers = await Promise.all(Array.from({ length: 20 }, () => house.checkout.reserve(request)));
    expect(new Set(answers.map(({ reservation }) => reservation?.version))).toEqual(new Set([1n]));
    expect(await house.stock(stockCode)).toMatchObject({ reserved: 3n });
  });

  it('takes a thousand lines', async () => {
    const codes = Array.from({ length: 1000 }, (_, index) => `L-${String(index).padStart(4, '0')}`);
    const lines = pieces(...codes.map((code) => [code, 1n] as const));
    await house.checkout.restock({ idempotencyKey: randomUUID(), restockId: randomUUID(), lines });
    const reservationId = randomUUID();
    expect((await house.checkout.reserve({ reservationId, lines })).reservation?.lines).toHaveLength(1000);
    await house.checkout.commit({ reservationId });
    expect(await house.stock('L-0999')).toEqual({ onHand: 0n, reserved: 0n, available: 0n });
  });
});

describe('Commit', () => {
  it('takes the pieces off the shelf once, however often it is asked for', async () => {
    const { reservationId, lines, stockCode } = await reserved();
    const answers = await Promise.all(Array.from({ length: 8 }, () => house.checkout.commit({ reservationId })));
    for (const { reservation } of answers) {
      expect(reservation).toMatchObject({ status: RESERVATION_STATUS_COMMITTED, version: 2n, lines });
    }
    expect(await house.stock(stockCode)).toEqual({ onHand: 3n, reserved: 0n, available: 3n });
    expect(await house.events(reservationId)).toMatchObject([
      { type: 'stock_reserved', version: 1n, lines },
      { type: 'stock_committed', version: 2n, lines },
    ]);
    expect((await house.checkout.reserve({ reservationId, lines })).reservation?.status).toBe(
      RESERVATION_STATUS_COMMITTED,
    );
  });

  it('of what another replica has released meanwhile is refused, and takes nothing', async () => {
    const { reservationId, stockCode } = await reserved();
    await house.booted.database('inventory').query(
      `WITH moved AS (
         UPDATE reservation SET status = 'released', version = version + 1 WHERE reservation_id = '${reservationId}'
       ) UPDATE stock SET reserved = 0 WHERE stock_code = '${stockCode}'`,
    );
    await expect(house.checkout.commit({ reservationId })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'RESERVATION_RELEASED'),
    );
    expect(await house.stock(stockCode)).toEqual({ onHand: 5n, reserved: 0n, available: 5n });
  });

  it('of what was released or never seen is refused', async () => {
    const { reservationId } = await reserved();
    await house.checkout.release({ reservationId });
    await expect(house.checkout.commit({ reservationId })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'RESERVATION_RELEASED'),
    );
    await expect(house.checkout.commit({ reservationId: randomUUID() })).rejects.toEqual(
      failure(NOT_FOUND, 'RESERVATION_NOT_FOUND'),
    );
  });
});

describe('Release', () => {
  it('gives the pieces back once, and a later Reserve is refused', async () => {
    const { reservationId, lines, stockCode } = await reserved();
    const answers = await Promise.all(Array.from({ length: 8 }, () => house.checkout.release({ reservationId })));
    for (const { reservation } of answers) {
      expect(reservation).toMatchObject({ status: RESERVATION_STATUS_RELEASED, version: 2n });
    }
    expect(await house.stock(stockCode)).toEqual({ onHand: 5n, reserved: 0n, available: 5n });
    await expect(house.checkout.reserve({ reservationId, lines })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'RESERVATION_RELEASED'),
    );
    expect((await house.events(reservationId)).map(({ type, version }) => [type, version])).toEqual([
      ['stock_reserved', 1n],
      ['stock_released', 2n],
    ]);
  });

  it('of a reservation never seen is remembered, so that a late Reserve is refused', async () => {
    const [stockCode = ''] = await house.stocked(5n);
    const reservationId = randomUUID();
    const { reservation } = await house.checkout.release({ reservationId: reservationId.toUpperCase() });
    expect(reservation).toMatchObject({
      reservationId,
      status: RESERVATION_STATUS_RELEASED,
      lines: [],
      version: 1n,
    });
    expect((await house.checkout.release({ reservationId })).reservation).toEqual(reservation);
    await expect(house.checkout.reserve({ reservationId, lines: pieces([stockCode, 1n]) })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'RESERVATION_RELEASED'),
    );
    expect(await house.stock(stockCode)).toMatchObject({ reserved: 0n });
    expect(await house.events(reservationId)).toMatchObject([{ type: 'stock_released', version: 1n, lines: [] }]);
  });

  it('of what is committed is refused', async () => {
    const { reservationId, stockCode } = await reserved();
    await house.checkout.commit({ reservationId });
    await expect(house.checkout.release({ reservationId })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'RESERVATION_COMMITTED'),
    );
    expect(await house.stock(stockCode)).toMatchObject({ onHand: 3n });
  });

  it('that races with its Reserve leaves nothing reserved', async () => {
    const [stockCode = ''] = await house.stocked(100n);
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        const reservationId = randomUUID();
        const reserve = house.checkout.reserve({ reservationId, lines: pieces([stockCode, 1n]) });
        const [made, gone] = await Promise.allSettled([reserve, house.checkout.release({ reservationId })]);
        expect(gone.status).toBe('fulfilled');
        if (made.status === 'rejected')
          expect(made.reason).toEqual(failure(FAILED_PRECONDITION, 'RESERVATION_RELEASED'));
      }),
    );
    expect(await house.stock(stockCode)).toEqual({ onHand: 100n, reserved: 0n, available: 100n });
  });
});

describe('many at the same time', () => {
  it('never oversell and never fail for any reason but the stock', async () => {
    const codes = await house.stocked(...Array.from({ length: 8 }, () => 10n));
    const wanted = Array.from({ length: 50 }, (_, order) => ({
      reservationId: randomUUID(),
      // Each takes four codes, in an order of its own.
      lines: pieces(
        ...Array.from(
          { length: 4 },
          (_, line) => [codes[(order * 3 + line * 5) % 8] as string, BigInt(1 + (order % 2))] as const,
        ),
      ),
    }));
    const outcomes = await Promise.all(
      wanted.map(async (request) => {
        try {
          await house.checkout.reserve(request);
          return request;
        } catch (error) {
          expect(error).toBeInstanceOf(RemoteError);
          expect(error).toEqual(failure(FAILED_PRECONDITION, 'OUT_OF_STOCK'));
          return undefined;
        }
      }),
    );
    const granted = outcomes.filter((one) => one !== undefined);
    const sum = (code: string, of: typeof granted) =>
      of.flatMap(({ lines }) => lines).reduce((all, line) => all + (line.stockCode === code ? line.quantity : 0n), 0n);
    for (const code of codes) {
      expect(await house.stock(code)).toMatchObject({ onHand: 10n, reserved: sum(code, granted) });
    }
    expect(granted.length).toBeGreaterThan(0);
    const [committed, released] = [
      granted.filter((_, index) => index % 2 === 0),
      granted.filter((_, index) => index % 2),
    ];
    await Promise.all([
      ...committed.map(({ reservationId }) => house.checkout.commit({ reservationId })),
      ...released.map(({ reservationId }) => house.checkout.release({ reservationId })),
      ...codes.map((code) =>
        house.checkout.restock({ idempotencyKey: randomUUID(), restockId: randomUUID(), lines: pieces([code, 1n]) }),
      ),
    ]);
    for (const code of codes) {
      expect(await house.stock(code)).toMatchObject({ onHand: 11n - sum(code, committed), reserved: 0n });
    }
  });
});
