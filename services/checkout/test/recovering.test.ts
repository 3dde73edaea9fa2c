import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SagaState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { startSystem } from '@weft/kit/module';
import { eventually } from '@weft/kit/testing';
import { checkout } from '../src/module.ts';
import { type Checkout, openCheckout } from './fixture.ts';

const { SAGA_STATE_COMPENSATED, SAGA_STATE_COMPLETED } = SagaState;
const STEPS = ['reserve', 'authorize', 'createShipment', 'capture', 'commit', 'confirmOrder'];
const CONCURRENCY = 4;

let shop: Checkout;
beforeAll(async () => {
  shop = await openCheckout({ SAGA_CONCURRENCY: String(CONCURRENCY) });
});
afterAll(() => shop.stop());

const ids = (count: number) => Array.from({ length: count }, () => randomUUID() as string);
const placeAll = (orderIds: string[]) => Promise.all(orderIds.map((orderId) => shop.place({ orderId })));
const calls = (orderIds: string[], method: string) =>
  orderIds.flatMap((orderId) => shop.world.requests(orderId, method));

/** As if the time for which a process has a saga had passed. */
const endLeases = () =>
  shop.booted
    .database('checkout')
    .query(`UPDATE saga SET lease_until = now() - interval '1 s' WHERE lease_id IS NOT NULL`);

/** Another process of the same service, on the same databases. */
const secondInstance = () =>
  startSystem(
    [checkout],
    {
      LOG_LEVEL: 'silent',
      OPS_PORT: '0',
      GRPC_PORT: '0',
      DATABASE_URL: shop.booted.database('checkout').url,
      BUS_DATABASE_URL: shop.booted.bus.url,
      IDENTITY_JWKS_URL: 'http://127.0.0.1:9/jwks.json',
      CLIENT_RETRIES: 'false',
      SAGA_CONCURRENCY: String(CONCURRENCY),
      ...Object.fromEntries(
        Object.entries(shop.world.targets).map(([name, target]) => [`${name.toUpperCase()}_TARGET`, target]),
      ),
    },
    { log: () => undefined },
  );

describe('a restart', () => {
  it('in the middle of many sagas repeats nothing that was answered, and all go on to their end', async () => {
    const orderIds = ids(40);
    await placeAll(orderIds);
    await eventually(() => calls(orderIds, 'capture').length >= 10);
    await shop.booted.restart();
    for (const orderId of orderIds) {
      expect((await shop.ended(orderId)).state).toBe(SAGA_STATE_COMPLETED);
      expect(shop.world.of(orderId)).toEqual(STEPS);
    }
    expect(shop.world.mostTogether).toBe(1);
  });

  it('gives up a call that is not answered, and tries it again at once afterwards', async () => {
    const [orderId = ''] = ids(1);
    shop.world.plan(orderId, 'authorize', 'hang');
    await shop.place({ orderId });
    await eventually(() => shop.world.of(orderId).includes('authorize'));
    const before = shop.booted.logs.length;
    await shop.booted.restart();
    expect((await shop.ended(orderId)).state).toBe(SAGA_STATE_COMPLETED);
    expect(shop.world.of(orderId).join(' ')).toBe(
      'reserve authorize authorize createShipment capture commit confirmOrder',
    );
    const said = shop.booted.logs.slice(before).map(({ msg }) => msg);
    expect(said).not.toContain('did not stop cleanly');
    expect(said.filter((msg) => String(msg).startsWith('saga interrupted'))).toEqual([]);
  });
});

describe('a process that is away for longer than it may have a saga', () => {
  it.each([
    // So soon after its last save the first one goes on without another, as far as that can be repeated.
    ['authorize', 'reserve authorize reserve authorize createShipment capture commit confirmOrder( createShipment)?'],
    ['capture', 'reserve authorize createShipment capture capture commit confirmOrder( commit confirmOrder)?'],
  ])(
    'loses it while it calls %s: another repeats the call, and what the first one heard counts no more',
    async (method, all) => {
      const [orderId = ''] = ids(1);
      const letGo = shop.world.hold(orderId, method);
      await shop.place({ orderId });
      await eventually(() => shop.world.of(orderId).includes(method));
      await endLeases();
      const saga = await shop.ended(orderId);
      letGo();
      await shop.booted.settle(10_000);
      expect(await shop.saga(orderId)).toEqual(saga);
      expect(saga.state).toBe(SAGA_STATE_COMPLETED);
      expect(shop.world.of(orderId).join(' ')).toMatch(new RegExp(`^${all}$`));
    },
  );

  it('does not turn back what the other has paid, though its own call was refused', async () => {
    const [orderId = ''] = ids(1);
    const { promise, reject } = Promise.withResolvers<void>();
    shop.world.plan(orderId, 'capture', promise);
    await shop.place({ orderId });
    await eventually(() => shop.world.of(orderId).includes('capture'));
    await endLeases();
    await shop.ended(orderId);
    reject(new Error('too late'));
    await shop.booted.settle(10_000);
    expect((await shop.saga(orderId)).state).toBe(SAGA_STATE_COMPLETED);
    expect(shop.world.of(orderId)).not.toContain('void');
  });
});

describe('the database going away in the middle', () => {
  it('delays sagas and changes no outcome', async () => {
    const orderIds = ids(12);
    const declined = new Set(orderIds.slice(0, 4));
    for (const orderId of declined) shop.world.always(orderId, 'authorize', { refuse: 'CARD_DECLINED' });
    await placeAll(orderIds);
    await eventually(() => calls(orderIds, 'authorize').length >= 3);
    await shop.booted.database('checkout').disconnectAll();
    await eventually(async () => {
      await endLeases();
      const sagas = await Promise.all(orderIds.map((orderId) => shop.row(orderId)));
      return sagas.every(({ state }) => state === 'completed' || state === 'compensated');
    });
    for (const orderId of orderIds) {
      const { state } = await shop.saga(orderId);
      expect(state).toBe(declined.has(orderId) ? SAGA_STATE_COMPENSATED : SAGA_STATE_COMPLETED);
      const made = new Set(shop.world.of(orderId));
      // Whoever takes a saga over undoes what may have been tried.
      if (declined.has(orderId)) made.delete('cancelShipment');
      expect(made).toEqual(
        new Set(declined.has(orderId) ? ['reserve', 'authorize', 'void', 'release', 'rejectOrder'] : STEPS),
      );
    }
  });
});

describe('transactions of the database failing for a while', () => {
  it('leave room for sagas afterwards', async () => {
    const database = shop.booted.database('checkout');
    await database.query('ALTER TABLE inbox RENAME TO away');
    const refused = ids(3 * CONCURRENCY);
    await placeAll(refused);
    await eventually(() => shop.booted.logs.some(({ msg }) => msg === 'event not handled; trying again'));
    await database.query('ALTER TABLE away RENAME TO inbox');
    const [orderId = ''] = ids(1);
    await shop.place({ orderId });
    // Less than what a lease lasts.
    await eventually(async () => (await shop.row(orderId)).state === 'completed', 6_000);
    for (const one of refused) expect((await shop.ended(one)).state).toBe(SAGA_STATE_COMPLETED);
  });
});

describe('two processes on one database', () => {
  it('share the sagas, and never run one of them both', async () => {
    const other = await secondInstance();
    const orderIds = ids(40);
    const held = orderIds.map((orderId) => shop.world.hold(orderId, 'reserve'));
    shop.world.mostTogether = 0;
    await placeAll(orderIds);
    // So many are under way only if both take part.
    await eventually(() => calls(orderIds, 'reserve').length === 2 * CONCURRENCY);
    for (const letGo of held) letGo();
    for (const orderId of orderIds) {
      expect((await shop.ended(orderId)).state).toBe(SAGA_STATE_COMPLETED);
      expect(shop.world.of(orderId)).toEqual(STEPS);
    }
    expect(shop.world.mostTogether).toBe(1);
    await other.stop();
  });
});
