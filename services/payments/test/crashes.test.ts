import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PaymentStatus } from '@weft/gen/grpc/weft/payments/v1/payments';
import { eventually } from '@weft/kit/testing';
import { ProviderTimeout } from '../src/app/ports.ts';
import { definePayments } from '../src/module.ts';
import { anAuthorization, type BootedPayments, bootPayments, failure, GBP } from './fixture.ts';
import { LedgerProvider, type Operation } from './ledger-provider.ts';

const provider = new LedgerProvider();
let shop: BootedPayments;
beforeAll(async () => {
  shop = await bootPayments(definePayments({ provider, releaseEvery: 100 }));
});
beforeEach(() => {
  provider.before = () => {};
  provider.after = () => {};
  provider.asked.length = 0;
});
afterAll(async () => {
  await shop.stop();
  expect(provider.offences).toEqual([]);
});

const only = (operation: Operation, then: () => unknown) => async (asked: Operation) => {
  if (asked === operation) await then();
};
const dies = () => {
  throw new Error('the process ends here');
};
const timesOut = () => {
  throw new ProviderTimeout();
};
const hold = (paymentId: string) => provider.holds.get(`${paymentId}:authorize`);

async function authorized() {
  const wanted = anAuthorization();
  await shop.checkout.authorize(wanted);
  return wanted;
}

async function captured() {
  const wanted = await authorized();
  await shop.checkout.capture(wanted);
  return wanted;
}

describe('a process that ends between the provider’s answer and its record', () => {
  it('authorises once: the same question gets the same answer after the restart', async () => {
    const wanted = anAuthorization();
    const { paymentId } = wanted;
    provider.after = only('authorize', dies);
    await expect(shop.checkout.authorize(wanted)).rejects.toEqual(failure(status.INTERNAL, 'INTERNAL'));
    expect(await shop.row(paymentId)).toMatchObject({ status: 'pending', authorize_attempts: 1 });
    expect(await shop.events(paymentId)).toEqual([]);
    await shop.restart();
    provider.after = () => {};
    const { payment } = await shop.checkout.authorize(wanted);
    expect(payment).toMatchObject({ status: PaymentStatus.PAYMENT_STATUS_AUTHORIZED, version: 1n });
    expect(provider.asked).toEqual([`${paymentId}:authorize`, `${paymentId}:authorize`]);
    expect(await shop.row(paymentId)).toMatchObject({ authorize_attempts: 2 });
    expect(await shop.events(paymentId)).toMatchObject([{ type: 'payment_authorized', version: 1n }]);
  });

  it('captures once, and nobody can void it in between', async () => {
    const wanted = await authorized();
    const { paymentId } = wanted;
    provider.after = only('capture', dies);
    await expect(shop.checkout.capture(wanted)).rejects.toEqual(failure(status.INTERNAL, 'INTERNAL'));
    await shop.restart();
    provider.after = () => {};
    await expect(shop.checkout.void(wanted)).rejects.toEqual(failure(status.FAILED_PRECONDITION, 'PAYMENT_CAPTURED'));
    const { payment } = await shop.checkout.capture(wanted);
    expect(payment).toMatchObject({ captured: GBP(1234n), version: 2n });
    expect(await shop.events(paymentId)).toMatchObject([{ version: 1n }, { type: 'payment_captured', version: 2n }]);
  });

  it('gives back once, and what it set aside is given to nobody else', async () => {
    const { paymentId } = await captured();
    const refund = { paymentId, refundId: randomUUID(), amount: GBP(1000n) };
    provider.after = only('refund', dies);
    await expect(shop.checkout.refund(refund)).rejects.toEqual(failure(status.INTERNAL, 'INTERNAL'));
    await shop.restart();
    provider.after = () => {};
    const other = shop.checkout.refund({ ...refund, refundId: randomUUID() });
    await expect(other).rejects.toEqual(failure(status.FAILED_PRECONDITION, 'REFUND_EXCEEDS_CAPTURED'));
    const { payment } = await shop.checkout.refund(refund);
    expect(payment).toMatchObject({ refunded: GBP(1000n), version: 3n });
    expect(hold(paymentId)?.refunded).toBe(1000n);
  });

  it('lets go once Void is repeated', async () => {
    const wanted = await authorized();
    provider.before = only('void', dies);
    await expect(shop.checkout.void(wanted)).rejects.toEqual(failure(status.INTERNAL, 'INTERNAL'));
    await shop.restart();
    provider.before = () => {};
    expect(hold(wanted.paymentId)?.state).toBe('held');
    expect((await shop.checkout.void(wanted)).payment?.version).toBe(2n);
    expect(hold(wanted.paymentId)?.state).toBe('released');
  });

  it('records its answer although the database dropped its connections meanwhile', async () => {
    const wanted = anAuthorization();
    provider.after = only('authorize', () => shop.database('payments').disconnectAll());
    expect((await shop.checkout.authorize(wanted)).payment?.version).toBe(1n);
    expect(provider.asked).toEqual([`${wanted.paymentId}:authorize`]);
  });
});

describe('a provider that does not answer', () => {
  it.each(['authorize', 'capture', 'refund', 'void'] as const)(
    'makes %s unavailable until it does',
    async (operation) => {
      const wanted = anAuthorization();
      const refund = { paymentId: wanted.paymentId, refundId: randomUUID(), amount: GBP(1n) };
      const steps = [() => shop.checkout.authorize(wanted)];
      if (operation === 'void') steps.push(() => shop.checkout.void(wanted));
      else
        steps.push(
          () => shop.checkout.capture(wanted),
          () => shop.checkout.refund(refund),
        );
      provider.after = only(operation, timesOut);
      for (const step of steps) {
        const failed = await step().then(
          () => undefined,
          (error: unknown) => error,
        );
        if (!failed) continue;
        expect(failed).toEqual(failure(status.UNAVAILABLE, 'PROVIDER_TIMEOUT'));
        provider.after = () => {};
        await step();
      }
      expect(new Set(provider.asked).size).toBeLessThan(provider.asked.length);
      expect((await shop.events(wanted.paymentId)).map(({ version }) => version)).toEqual(
        steps.map((_, i) => BigInt(i + 1)),
      );
    },
  );
});

describe('a hold that comes after the void', () => {
  it('is let go by the Authorize that hears of it, which is refused', async () => {
    const wanted = anAuthorization();
    const { paymentId } = wanted;
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    provider.before = only('authorize', () => {
      reached.resolve();
      return goOn.promise;
    });
    const late = shop.checkout.authorize(wanted);
    late.catch(() => {});
    await reached.promise;
    expect((await shop.checkout.void(wanted)).payment).toMatchObject({
      status: PaymentStatus.PAYMENT_STATUS_VOIDED,
      orderId: wanted.orderId,
      version: 1n,
    });
    goOn.resolve();
    await expect(late).rejects.toEqual(failure(status.FAILED_PRECONDITION, 'PAYMENT_VOIDED'));
    expect(hold(paymentId)?.state).toBe('released');
    expect(await shop.row(paymentId)).toMatchObject({ release_after: null });
    expect(await shop.events(paymentId)).toMatchObject([{ type: 'payment_voided', version: 1n }]);
  });

  it('is let go by the service itself when nobody asks again', async () => {
    const wanted = await authorized();
    provider.before = only('void', timesOut);
    await expect(shop.checkout.void(wanted)).rejects.toEqual(failure(status.UNAVAILABLE, 'PROVIDER_TIMEOUT'));
    provider.before = () => {};
    const due = "UPDATE payment SET release_after = now() - interval '1 second' WHERE payment_id = $1";
    await shop.database('payments').query(due, [wanted.paymentId]);
    await eventually(() => hold(wanted.paymentId)?.state === 'released');
    await eventually(async () => (await shop.row(wanted.paymentId)).release_after === null);
  });
});
