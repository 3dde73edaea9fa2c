import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SagaKind, SagaState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { eventually } from '@weft/kit/testing';
import { type Checkout, GBP, openCheckout } from './fixture.ts';

const { SAGA_STATE_COMPENSATED, SAGA_STATE_COMPLETED } = SagaState;

let shop: Checkout;
beforeAll(async () => {
  shop = await openCheckout();
});
afterAll(() => shop.stop());

/** Cancels an order while its call of a method is under way; the call ends once checkout knows of it. */
async function cancelDuring(method: string): Promise<string> {
  const orderId = randomUUID();
  const letGo = shop.world.hold(orderId, method);
  await shop.place({ orderId });
  await eventually(() => shop.world.of(orderId).includes(method));
  await shop.cancel(orderId);
  await eventually(async () => (await shop.row(orderId)).cancellation !== null);
  letGo();
  return orderId;
}

/** The saga that gives back what was paid, once it has ended. */
async function givenBack(orderId: string) {
  await eventually(async () => (await shop.followUps(orderId)).length > 0);
  const followUps = await shop.followUps(orderId);
  expect(followUps.map(({ kind }) => kind)).toEqual([SagaKind.SAGA_KIND_CANCEL_ORDER]);
  return shop.ended(followUps[0]?.sagaId ?? '');
}

describe('a cancellation before the capture', () => {
  // It is heard of before the capture, not before each step.
  it.each(['reserve', 'authorize', 'createShipment'])(
    'while %s is under way undoes it, and the order is not paid',
    async (method) => {
      const calls = 'reserve authorize createShipment cancelShipment void release rejectOrder';
      const orderId = await cancelDuring(method);
      expect(await shop.ended(orderId)).toMatchObject({ state: SAGA_STATE_COMPENSATED, reason: 'CANCELLED' });
      expect(shop.world.of(orderId).join(' ')).toBe(calls);
      expect(shop.world.requests(orderId, 'rejectOrder')).toMatchObject([{ reason: 'CANCELLED' }]);
      expect(await shop.followUps(orderId)).toEqual([]);
    },
  );

  it('turns back a saga that waits for a service which is away', async () => {
    const orderId = randomUUID();
    shop.world.always(orderId, 'reserve', 'lost');
    await shop.place({ orderId });
    await eventually(() => shop.world.of(orderId).length >= 2);
    await shop.cancel(orderId);
    expect(await shop.ended(orderId)).toMatchObject({ state: SAGA_STATE_COMPENSATED, reason: 'CANCELLED' });
    expect(shop.world.of(orderId).join(' ')).toMatch(/^(reserve )+release rejectOrder$/);
  });
});

describe('a cancellation from the capture on', () => {
  it.each(['capture', 'commit', 'confirmOrder'])(
    'while %s is under way goes forward, then gives back',
    async (method) => {
      const orderId = await cancelDuring(method);
      expect(await shop.ended(orderId)).toMatchObject({ state: SAGA_STATE_COMPLETED, reason: '' });
      const { sagaId, state } = await givenBack(orderId);
      expect(state).toBe(SAGA_STATE_COMPLETED);
      expect(shop.world.of(orderId).join(' ')).toBe(
        'reserve authorize createShipment capture commit confirmOrder cancelShipment refund confirmCancellation',
      );
      expect(shop.world.requests(orderId, 'refund')).toMatchObject([
        { paymentId: orderId, refundId: sagaId, amount: GBP(800n) },
      ]);
      const lines = [
        { stockCode: 'L', quantity: 2n },
        { stockCode: 'B', quantity: 1n },
      ];
      expect(shop.world.requests(sagaId, 'restock')).toMatchObject([{ restockId: sagaId, lines }]);
    },
  );

  it('that is refused undoes everything', async () => {
    const orderId = randomUUID();
    shop.world.plan(orderId, 'capture', 'lost', { refuse: 'PAYMENT_NOT_AUTHORIZED' });
    const letGo = shop.world.hold(orderId, 'authorize');
    await shop.place({ orderId });
    letGo();
    await eventually(() => shop.world.of(orderId).includes('capture'));
    await shop.cancel(orderId);
    expect(await shop.ended(orderId)).toMatchObject({ state: SAGA_STATE_COMPENSATED });
    expect(shop.world.of(orderId).join(' ')).toBe(
      'reserve authorize createShipment capture capture cancelShipment void release rejectOrder',
    );
    expect(await shop.followUps(orderId)).toEqual([]);
  });

  it('of an order that is long paid gives back what it is told to', async () => {
    const orderId = await shop.place();
    await shop.ended(orderId);
    await shop.cancel(orderId, { lines: [{ productId: 'box', stockCode: 'B', quantity: 1n }], refund: 100n });
    const { sagaId, steps } = await givenBack(orderId);
    expect(steps.map(({ name }) => name)).toEqual(['cancel-shipment', 'refund', 'restock', 'confirm']);
    expect(shop.world.requests(orderId, 'refund')).toMatchObject([{ amount: GBP(100n) }]);
    expect(shop.world.requests(sagaId, 'restock')).toMatchObject([{ lines: [{ stockCode: 'B', quantity: 1n }] }]);
  });

  it('asks shipping until it answers, and gives back nothing before', async () => {
    const orderId = await shop.place();
    await shop.ended(orderId);
    shop.world.plan(orderId, 'cancelShipment', 'lost', 'lost');
    await shop.cancel(orderId);
    expect((await givenBack(orderId)).state).toBe(SAGA_STATE_COMPLETED);
    expect(shop.world.of(orderId).slice(6)).toEqual([
      'cancelShipment',
      'cancelShipment',
      'cancelShipment',
      'refund',
      'confirmCancellation',
    ]);
  });

  it('of an order that has left gives back nothing', async () => {
    const orderId = await shop.place();
    await shop.ended(orderId);
    shop.world.plan(orderId, 'cancelShipment', 'lost', { refuse: 'SHIPMENT_DISPATCHED' });
    await shop.cancel(orderId);
    expect(await givenBack(orderId)).toMatchObject({ state: SAGA_STATE_COMPENSATED, reason: 'SHIPMENT_DISPATCHED' });
    expect(shop.world.of(orderId).slice(6)).toEqual(['cancelShipment', 'cancelShipment']);
  });
});

describe('a cancellation of an order that is undone already', () => {
  it('changes nothing', async () => {
    const orderId = randomUUID();
    shop.world.plan(orderId, 'authorize', { refuse: 'CARD_DECLINED' });
    await shop.place({ orderId });
    const before = await shop.ended(orderId);
    await shop.cancel(orderId);
    await shop.booted.settle(10_000);
    expect(await shop.saga(orderId)).toEqual(before);
    expect(await shop.followUps(orderId)).toEqual([]);
  });
});

describe('a return', () => {
  it('restocks, refunds and is settled, each with the return’s id', async () => {
    const orderId = await shop.place();
    await shop.ended(orderId);
    const returnId = await shop.giveBack(orderId, { refund: 250n });
    const saga = await shop.ended(returnId);
    expect(saga).toMatchObject({ kind: SagaKind.SAGA_KIND_RETURN_ITEMS, orderId, state: SAGA_STATE_COMPLETED });
    expect(saga.steps.map(({ name }) => name)).toEqual(['restock', 'refund', 'settle']);
    const [restock] = shop.world.requests(returnId, 'restock');
    expect(restock).toMatchObject({ idempotencyKey: `${returnId}:restock`, restockId: returnId });
    expect(shop.world.requests(orderId, 'refund')).toMatchObject([{ refundId: returnId, amount: GBP(250n) }]);
    expect(shop.world.requests(orderId, 'settleReturn')).toMatchObject([{ orderId, returnId }]);
  });

  it('goes forward with the same keys, whatever its calls answer', async () => {
    const orderId = await shop.place();
    await shop.ended(orderId);
    shop.world.plan(orderId, 'refund', { refuse: 'NO' }, 'lost');
    shop.world.plan(orderId, 'settleReturn', 'lost');
    const returnId = await shop.giveBack(orderId);
    expect(await shop.ended(returnId)).toMatchObject({ state: SAGA_STATE_COMPLETED });
    const refunds = shop.world.requests(orderId, 'refund');
    expect(refunds).toHaveLength(3);
    for (const refund of refunds) expect(refund).toEqual(refunds[0]);
    expect(shop.world.requests(orderId, 'settleReturn')).toHaveLength(2);
  });
});
