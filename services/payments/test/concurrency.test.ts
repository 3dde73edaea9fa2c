import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { definePayments } from '../src/module.ts';
import { anAuthorization, type BootedPayments, bootPayments, failure, GBP } from './fixture.ts';
import { LedgerProvider } from './ledger-provider.ts';

const provider = new LedgerProvider();
let shop: BootedPayments;
beforeAll(async () => {
  shop = await bootPayments(definePayments({ provider }));
});
afterAll(async () => {
  await shop.stop();
  expect(provider.offences).toEqual([]);
});

const times = (count: number) => Array.from({ length: count }, (_, index) => index);
const hold = (paymentId: string) => provider.holds.get(`${paymentId}:authorize`);

async function captured() {
  const wanted = anAuthorization();
  await shop.checkout.authorize(wanted);
  await shop.checkout.capture(wanted);
  return wanted;
}

describe('at the same time', () => {
  it('twenty refunds in part never give back more than was taken', async () => {
    const { paymentId } = await captured();
    const refunds = times(20).map(() => ({ paymentId, refundId: randomUUID(), amount: GBP(100n) }));
    const outcomes = await Promise.allSettled(refunds.map((refund) => shop.checkout.refund(refund)));
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(refused).toEqual(times(8).map(() => failure(status.FAILED_PRECONDITION, 'REFUND_EXCEEDS_CAPTURED')));
    expect(hold(paymentId)?.refunded).toBe(1200n);
    expect(await shop.row(paymentId)).toMatchObject({ refunded: '1200', refunding: '0', version: '14' });
    expect((await shop.events(paymentId)).map(({ version }) => version)).toEqual(times(14).map((i) => BigInt(i + 1)));
  });

  it('twenty repetitions of one refund give back once', async () => {
    const { paymentId } = await captured();
    const refund = { paymentId, refundId: randomUUID(), amount: GBP(100n) };
    const answers = await Promise.all(times(20).map(() => shop.checkout.refund(refund)));
    expect(answers.map(({ payment }) => payment?.refunded?.minorUnits)).toEqual(times(20).map(() => 100n));
    expect(hold(paymentId)?.refunded).toBe(100n);
    expect(await shop.events(paymentId)).toHaveLength(3);
  });

  it('twenty repetitions of Authorize and of Capture are recorded once each', async () => {
    const wanted = anAuthorization();
    const holds = await Promise.all(times(20).map(() => shop.checkout.authorize(wanted)));
    expect(new Set(holds.map(({ payment }) => payment?.version))).toEqual(new Set([1n]));
    const takes = await Promise.all(times(20).map(() => shop.checkout.capture(wanted)));
    expect(new Set(takes.map(({ payment }) => payment?.version))).toEqual(new Set([2n]));
    expect((await shop.events(wanted.paymentId)).map(({ version }) => version)).toEqual([1n, 2n]);
    expect(hold(wanted.paymentId)?.state).toBe('taken');
  });

  it('only one of two contents becomes the payment', async () => {
    const one = anAuthorization();
    const other = { ...one, amount: GBP(1n) };
    const outcomes = await Promise.allSettled(
      [one, other, one, other].map((wanted) => shop.checkout.authorize(wanted)),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(refused).toEqual(times(2).map(() => failure(status.ALREADY_EXISTS, 'PAYMENT_EXISTS')));
    expect(String(hold(one.paymentId)?.amount)).toBe((await shop.row(one.paymentId)).amount);
  });

  it('Authorize, Capture and Void end with money and state in agreement', async () => {
    for (const _ of times(15)) {
      const wanted = anAuthorization();
      const { authorize, capture, void: voiding } = shop.checkout;
      const calls = [authorize(wanted), capture(wanted), voiding(wanted), authorize(wanted), capture(wanted)];
      await Promise.allSettled(calls);
      const { status: stands } = await shop.row(wanted.paymentId);
      const held = hold(wanted.paymentId)?.state;
      expect([
        ['captured', 'taken'],
        ['authorized', 'held'],
        ['voided', 'released'],
        ['voided', undefined],
      ]).toContainEqual([stands, held]);
      const versions = (await shop.events(wanted.paymentId)).map(({ version }) => version);
      expect(versions).toEqual(times(versions.length).map((i) => BigInt(i + 1)));
    }
  });
});
