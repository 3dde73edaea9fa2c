import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RoleName, status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { failure, openWarehouse, pieces, type Warehouse } from './fixture.ts';

const { ALREADY_EXISTS, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED } = status;

let house: Warehouse;
beforeAll(async () => {
  house = await openWarehouse();
});
afterAll(() => house.booted.stop());

const newCode = () => `S-${randomUUID().slice(0, 8)}`;
const restocking = (lines: ReturnType<typeof pieces>) => ({
  idempotencyKey: randomUUID(),
  restockId: randomUUID(),
  lines,
});

describe('SetStock', () => {
  it('creates a code and changes it, with a version and an event for each change', async () => {
    const stockCode = newCode();
    const versions = [];
    for (const onHand of [5n, 5n, 0n]) {
      const { stock } = await house.admin.setStock({ stockCode, onHand });
      expect(stock).toMatchObject({ stockCode, onHand, reserved: 0n, available: onHand });
      versions.push(stock?.version);
    }
    expect(versions).toEqual([1n, 1n, 2n]);
    expect(await house.events(stockCode)).toMatchObject([
      { type: 'stock_set', version: 1n, onHand: 5n },
      { type: 'stock_set', version: 2n, onHand: 0n },
    ]);
  });

  it('leaves what is reserved', async () => {
    const [stockCode = ''] = await house.stocked(5n);
    await house.checkout.reserve({ reservationId: randomUUID(), lines: pieces([stockCode, 3n]) });
    await expect(house.admin.setStock({ stockCode, onHand: 2n })).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'BELOW_RESERVED', { stock_code: stockCode, reserved: '3' }),
    );
    await house.admin.setStock({ stockCode, onHand: 3n });
    expect(await house.stock(stockCode)).toEqual({ onHand: 3n, reserved: 3n, available: 0n });
  });

  it('of a new code by many at the same time keeps one after the other, each with a version of its own', async () => {
    for (let round = 0; round < 5; round++) {
      const stockCode = newCode();
      const reserve = async () => {
        await house.checkout.reserve({ reservationId: randomUUID(), lines: pieces([stockCode, 4n]) }).catch((error) => {
          expect(error).toEqual(failure(FAILED_PRECONDITION, 'OUT_OF_STOCK'));
        });
      };
      const set = async (onHand: bigint) => {
        await house.admin.setStock({ stockCode, onHand }).catch((error) => {
          expect(error).toEqual(failure(FAILED_PRECONDITION, 'BELOW_RESERVED'));
        });
      };
      await Promise.all([10n, 4n, 3n, 2n, 1n, 7n].flatMap((onHand) => [set(onHand), reserve()]));
      const { stock } = await house.admin.getStock({ stockCode });
      const sets = (await house.events(stockCode)).map(({ version }) => version as bigint);
      expect(new Set(sets).size).toBe(sets.length);
      expect(sets).toEqual(sets.toSorted((a, b) => Number(a - b)));
      expect(stock?.version).toBeGreaterThanOrEqual(sets.at(-1) ?? 0n);
    }
  });
});

describe('Restock', () => {
  it('puts pieces on the shelf once for a key, also after a restart, and creates codes', async () => {
    const [known = ''] = await house.stocked(1n);
    const created = newCode();
    const request = restocking(pieces([known, 2n], [created, 3n]));
    const answers = await Promise.all(Array.from({ length: 6 }, () => house.checkout.restock(request)));
    await house.booted.restart();
    answers.push(await eventually(() => house.checkout.restock(request)));
    const [first] = answers;
    for (const answer of answers) expect(answer).toEqual(first);
    expect(new Map(first?.stocks.map((stock) => [stock.stockCode, stock.onHand]))).toEqual(
      new Map([
        [known, 3n],
        [created, 3n],
      ]),
    );
    expect(await house.stock(created)).toEqual({ onHand: 3n, reserved: 0n, available: 3n });
    expect(await house.events(request.restockId)).toMatchObject([{ type: 'stock_restocked', lines: request.lines }]);
  });

  it('of something else with the same key is refused; a key is its caller’s own', async () => {
    const [stockCode = ''] = await house.stocked(0n);
    const request = restocking(pieces([stockCode, 1n]));
    await house.checkout.restock(request);
    await expect(house.checkout.restock({ ...request, lines: pieces([stockCode, 2n]) })).rejects.toEqual(
      failure(ALREADY_EXISTS, 'IDEMPOTENCY_KEY_REUSED'),
    );
    await house.admin.restock({ ...request, lines: pieces([stockCode, 2n]) });
    expect(await house.stock(stockCode)).toMatchObject({ onHand: 3n });
  });

  it('of overlapping new codes at the same time adds up', async () => {
    const codes = [newCode(), newCode(), newCode()];
    const lines = (shift: number) =>
      pieces(...codes.map((_, index) => [codes[(index + shift) % 3] as string, 1n] as const));
    await Promise.all(Array.from({ length: 12 }, (_, index) => house.checkout.restock(restocking(lines(index)))));
    for (const code of codes) expect(await house.stock(code)).toMatchObject({ onHand: 12n });
  });
});

describe('reading stock', () => {
  it('says so when there is no such code', async () => {
    await expect(house.admin.getStock({ stockCode: 'no-such-code' })).rejects.toEqual(
      failure(NOT_FOUND, 'STOCK_NOT_FOUND', { stock_code: 'no-such-code' }),
    );
  });

  it('of many keeps the order of the request and leaves out what is unknown', async () => {
    const codes = (await house.stocked(1n, 2n, 3n)).toReversed();
    const { stocks } = await house.admin.batchGetStock({ stockCodes: ['unknown', ...codes] });
    expect(stocks.map(({ stockCode }) => stockCode)).toEqual(codes);
    expect(stocks.map(({ onHand }) => onHand)).toEqual([3n, 2n, 1n]);
  });
});

describe('who asks', () => {
  const user = (role: RoleName) => house.as({ user: { id: randomUUID(), roles: [role] } });
  const line = pieces(['any', 1n]);
  const reservationId = randomUUID();

  it('only checkout reserves, commits and releases', async () => {
    const strangers = [
      await user('customer'),
      await user('admin'),
      await house.as({ caller: 'orders' }),
      await house.as({}),
    ];
    for (const stranger of strangers) {
      for (const call of [
        stranger.reserve({ reservationId, lines: line }),
        stranger.commit({ reservationId }),
        stranger.release({ reservationId }),
      ]) {
        await expect(call).rejects.toEqual(failure(PERMISSION_DENIED, 'NOT_ALLOWED'));
      }
    }
  });

  it('only admins set stock, and only they and checkout restock', async () => {
    const set = { stockCode: 'any', onHand: 1n };
    for (const role of ['customer', 'support'] as const) {
      const staff = await user(role);
      await expect(staff.setStock(set)).rejects.toEqual(failure(PERMISSION_DENIED, 'NOT_ALLOWED'));
      await expect(staff.restock(restocking(line))).rejects.toEqual(failure(PERMISSION_DENIED, 'NOT_ALLOWED'));
    }
    await expect(house.checkout.setStock(set)).rejects.toEqual(failure(UNAUTHENTICATED, 'TOKEN_REQUIRED'));
  });

  it('staff and catalog read, customers do not', async () => {
    const [stockCode = ''] = await house.stocked(1n);
    for (const reader of [await user('support'), await house.as({ caller: 'catalog' })]) {
      expect((await reader.getStock({ stockCode })).stock?.onHand).toBe(1n);
      expect((await reader.batchGetStock({ stockCodes: [stockCode] })).stocks).toHaveLength(1);
    }
    await expect((await user('customer')).getStock({ stockCode })).rejects.toEqual(
      failure(PERMISSION_DENIED, 'NOT_ALLOWED'),
    );
  });
});

describe('a malformed request', () => {
  const reservationId = randomUUID();
  it.each<[string, string, () => Promise<unknown>]>([
    [
      'the same code twice',
      'lines',
      () => house.checkout.reserve({ reservationId, lines: pieces(['A', 1n], ['A', 1n]) }),
    ],
    ['no pieces', 'lines[0].quantity', () => house.checkout.reserve({ reservationId, lines: pieces(['A', 0n]) })],
    [
      'too many pieces',
      'lines[1].quantity',
      () => house.checkout.reserve({ reservationId, lines: pieces(['A', 1n], ['B', 1_000_000_001n]) }),
    ],
    ['nothing', 'lines', () => house.checkout.reserve({ reservationId, lines: [] })],
    ['an id that is none', 'reservation_id', () => house.checkout.commit({ reservationId: 'r' })],
    ['a code that is none', 'stock_code', () => house.admin.setStock({ stockCode: 'no code', onHand: 1n })],
    ['less than nothing', 'on_hand', () => house.admin.setStock({ stockCode: 'A', onHand: -1n })],
    [
      'no key',
      'idempotency_key',
      () => house.checkout.restock({ ...restocking(pieces(['A', 1n])), idempotencyKey: '' }),
    ],
    [
      'a key that no text can hold',
      'idempotency_key',
      () => house.checkout.restock({ ...restocking(pieces(['A', 1n])), idempotencyKey: 'a\0b' }),
    ],
  ])('with %s is refused by the name of its field', async (_, field, call) => {
    await expect(call()).rejects.toMatchObject({
      code: INVALID_ARGUMENT,
      violations: expect.arrayContaining([expect.objectContaining({ field })]),
    });
  });
});
