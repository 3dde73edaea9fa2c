import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SagaKind, SagaState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { encodePageToken } from '@weft/kit/paging';
import { status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { type Checkout, failure, openCheckout, TOKEN } from './fixture.ts';

const { FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED } = status;
const { SAGA_STATE_COMPENSATED, SAGA_STATE_COMPLETED, SAGA_STATE_RUNNING } = SagaState;

let shop: Checkout;
beforeAll(async () => {
  shop = await openCheckout();
});
afterAll(() => shop.stop());

const everything = { orderId: '', state: 0, pageSize: 0, pageToken: '' } as const;

/** An order that cannot be confirmed until orders is let answer. */
async function stuck() {
  const orderId = randomUUID();
  shop.world.always(orderId, 'confirmOrder', { fail: status.UNAVAILABLE });
  await shop.place({ orderId });
  await eventually(() => shop.world.of(orderId).includes('confirmOrder'));
  return { orderId, letGo: () => shop.world.always(orderId, 'confirmOrder', undefined) };
}

describe('GetSaga', () => {
  it('shows a saga that goes on, its step and when it is tried again', async () => {
    const { orderId, letGo } = await stuck();
    await eventually(async () => (await shop.saga(orderId)).steps[5]?.lastError === 'UNAVAILABLE');
    const saga = await shop.saga(orderId);
    expect(saga).toMatchObject({
      kind: SagaKind.SAGA_KIND_PLACE_ORDER,
      orderId,
      state: SAGA_STATE_RUNNING,
      reason: '',
    });
    expect(saga.nextAttemptTime).toBeDefined();
    expect(saga.steps.map(({ name, service }) => `${name}: ${service}`)).toEqual([
      'reserve: inventory',
      'authorize: payments',
      'ship: shipping',
      'capture: payments',
      'commit: inventory',
      'confirm: orders',
      'reject: orders',
    ]);
    expect(saga.steps.map(({ updateTime }) => updateTime !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
    letGo();
    const ended = await shop.ended(orderId);
    expect(ended.nextAttemptTime).toBeUndefined();
    expect(ended.steps[5]?.lastError).toBe('');
    await expect(shop.saga(randomUUID())).rejects.toEqual(failure(NOT_FOUND, 'SAGA_NOT_FOUND'));
  });
});

describe('RetrySaga', () => {
  it('tries again now what would wait', async () => {
    const { orderId, letGo } = await stuck();
    // After some failures it would wait for seconds.
    await eventually(async () => {
      await shop.staff.retrySaga({ sagaId: orderId });
      return shop.world.requests(orderId, 'confirmOrder').length >= 7;
    });
    const { saga } = await shop.staff.retrySaga({ sagaId: orderId });
    expect(saga).toMatchObject({ sagaId: orderId, state: SAGA_STATE_RUNNING });
    letGo();
    // It may have ended of its own accord by now.
    await shop.staff.retrySaga({ sagaId: orderId }).catch(() => undefined);
    expect(await shop.ended(orderId)).toMatchObject({ state: SAGA_STATE_COMPLETED });
  });

  it('of a saga that has ended, or that never was, is refused', async () => {
    const orderId = await shop.place();
    const ended = await shop.ended(orderId);
    await expect(shop.staff.retrySaga({ sagaId: orderId })).rejects.toEqual(failure(FAILED_PRECONDITION, 'SAGA_ENDED'));
    expect(await shop.saga(orderId)).toEqual(ended);
    await expect(shop.staff.retrySaga({ sagaId: randomUUID() })).rejects.toEqual(failure(NOT_FOUND, 'SAGA_NOT_FOUND'));
  });
});

describe('a saga that has failed ten times in a row', () => {
  it('says that somebody should look, once, is still tried, and completes when it can', async () => {
    const { orderId, letGo } = await stuck();
    await eventually(async () => {
      await shop.staff.retrySaga({ sagaId: orderId });
      return (await shop.saga(orderId)).stalled;
    });
    expect((await shop.saga(orderId)).steps[5]?.attempts).toBeGreaterThanOrEqual(10);
    const waiting = /^weft_saga_stalled\{.*weft_saga_kind="place-order",weft_saga_state="running".*\} 1$/m;
    await eventually(
      async () => waiting.test(await (await fetch(`${shop.booted.ops('checkout')}/metrics`)).text()),
      30_000,
    );
    const tries = shop.world.requests(orderId, 'confirmOrder').length;
    await eventually(async () => {
      await shop.staff.retrySaga({ sagaId: orderId });
      return shop.world.requests(orderId, 'confirmOrder').length > tries;
    });
    letGo();
    await shop.staff.retrySaga({ sagaId: orderId }).catch(() => undefined);
    expect(await shop.ended(orderId)).toMatchObject({ state: SAGA_STATE_COMPLETED, stalled: false });
    await shop.booted.settle(10_000);
    expect(await shop.events(orderId)).toMatchObject([
      { type: 'saga_started' },
      { type: 'saga_stalled', step: 'confirm', lastError: 'UNAVAILABLE' },
      { type: 'saga_completed' },
    ]);
    const alarms = shop.booted.logs.filter((line) => line.sagaId === orderId && String(line.msg).includes('stalled'));
    expect(alarms).toMatchObject([{ step: 'confirm', reason: 'UNAVAILABLE' }]);
  });
});

describe('ListSagas', () => {
  it('gives pages, newest first and without steps, each saga once', async () => {
    const orderId = await shop.place();
    await shop.ended(orderId);
    const sagaIds = [orderId];
    for (let nth = 0; nth < 4; nth++) sagaIds.push(await shop.giveBack(orderId));
    for (const sagaId of sagaIds) await shop.ended(sagaId);
    const pages = [];
    let pageToken = '';
    do {
      const page = await shop.staff.listSagas({
        ...everything,
        orderId: orderId.toUpperCase(),
        pageSize: 2,
        pageToken,
      });
      expect(page.sagas.flatMap(({ steps }) => steps)).toEqual([]);
      pages.push(page.sagas.map(({ sagaId }) => sagaId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(sagaIds.toSorted().toReversed());
  });

  it('gives only those of a state', async () => {
    const { orderId, letGo } = await stuck();
    const declined = randomUUID();
    shop.world.plan(declined, 'authorize', { refuse: 'CARD_DECLINED' });
    await shop.place({ orderId: declined });
    await shop.ended(declined);
    const ids = async (state: SagaState) => {
      const { sagas } = await shop.staff.listSagas({ ...everything, state, pageSize: 1000 });
      expect(sagas.every((saga) => saga.state === state)).toBe(true);
      return sagas.map(({ sagaId }) => sagaId);
    };
    expect(await ids(SAGA_STATE_RUNNING)).toEqual([orderId]);
    expect(await ids(SAGA_STATE_COMPENSATED)).toContain(declined);
    letGo();
    await shop.ended(orderId);
  });

  it.each([
    ['no token at all', 'garbage'],
    ['an id that is none', encodePageToken(['x'])],
    ['two ids', encodePageToken([randomUUID(), randomUUID()])],
    ['nothing in it', encodePageToken([])],
  ])('refuses a page token with %s', async (_, pageToken) => {
    await expect(shop.staff.listSagas({ ...everything, pageToken })).rejects.toMatchObject({
      code: INVALID_ARGUMENT,
      violations: [expect.objectContaining({ field: 'page_token' })],
    });
  });
});

describe('who asks', () => {
  it('is staff', async () => {
    const sagaId = await shop.place();
    await shop.ended(sagaId);
    const admin = await shop.as({ user: { id: randomUUID(), roles: ['admin'] } });
    expect((await admin.getSaga({ sagaId })).saga?.sagaId).toBe(sagaId);
    const customer = await shop.as({ user: { id: randomUUID(), roles: ['customer'] } });
    const service = await shop.as({ caller: 'orders' });
    for (const [stranger, code, reason] of [
      [customer, PERMISSION_DENIED, 'NOT_ALLOWED'],
      [service, UNAUTHENTICATED, 'TOKEN_REQUIRED'],
    ] as const) {
      for (const call of [
        stranger.getSaga({ sagaId }),
        stranger.listSagas(everything),
        stranger.retrySaga({ sagaId }),
      ]) {
        await expect(call).rejects.toEqual(failure(code, reason));
      }
    }
  });
});

describe('the payment token', () => {
  it('is in the row of a saga while it is needed, and nowhere once the saga has ended', async () => {
    const { orderId, letGo } = await stuck();
    expect(JSON.stringify(await shop.row(orderId))).toContain(TOKEN);
    const declined = randomUUID();
    shop.world.plan(declined, 'authorize', { refuse: 'CARD_DECLINED' });
    await shop.place({ orderId: declined });
    letGo();
    for (const sagaId of [orderId, declined]) {
      await shop.ended(sagaId);
      expect(await shop.row(sagaId)).toMatchObject({ input: { paymentMethodToken: '' } });
    }
    await shop.booted.settle(10_000);
    const tables = await shop.booted.database('checkout').query<{ name: string }>(
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    for (const { name } of tables) {
      const rows = await shop.booted.database('checkout').query(`SELECT t::text FROM ${name} t`);
      expect(JSON.stringify(rows)).not.toContain(TOKEN);
    }
    expect(JSON.stringify(shop.booted.logs)).not.toContain(TOKEN);
  });
});

describe('the events of a saga', () => {
  it('tell of its start, its turn and its end, with growing versions', async () => {
    const orderId = await shop.place();
    const declined = randomUUID();
    shop.world.plan(declined, 'authorize', { refuse: 'CARD_DECLINED' });
    await shop.place({ orderId: declined });
    for (const sagaId of [orderId, declined]) await shop.ended(sagaId);
    await shop.booted.settle(10_000);
    const good = await shop.events(orderId);
    expect(good).toMatchObject([
      { type: 'saga_started', version: 1n, kind: SagaKind.SAGA_KIND_PLACE_ORDER, orderId },
      { type: 'saga_completed', orderId },
    ]);
    const bad = await shop.events(declined);
    expect(bad).toMatchObject([
      { type: 'saga_started', version: 1n },
      { type: 'saga_compensating', orderId: declined, reason: 'CARD_DECLINED' },
      { type: 'saga_compensated', orderId: declined, reason: 'CARD_DECLINED' },
    ]);
    for (const [events, sagaId] of [
      [good, orderId],
      [bad, declined],
    ] as const) {
      const versions = events.map(({ version }) => Number(version));
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
      expect(new Set(versions).size).toBe(versions.length);
      expect(BigInt(versions.at(-1) ?? 0)).toBe((await shop.saga(sagaId)).version);
    }
  });
});
