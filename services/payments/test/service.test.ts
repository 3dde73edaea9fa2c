import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PaymentStatus } from '@weft/gen/grpc/weft/payments/v1/payments';
import { anAuthorization, type BootedPayments, bootPayments, failure, GBP } from './fixture.ts';

const { FAILED_PRECONDITION, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, UNAUTHENTICATED } = status;

let shop: BootedPayments;
beforeAll(async () => {
  shop = await bootPayments();
});
afterAll(() => shop.stop());

async function captured(token = 'tok_approved') {
  const wanted = anAuthorization(token);
  await shop.checkout.authorize(wanted);
  await shop.checkout.capture(wanted);
  return wanted;
}

describe('Authorize', () => {
  it.each([
    ['tok_approved', 1],
    ['tok_timeout_approved', 2],
    ['tok_capture_timeout', 1],
  ])('holds the amount for %s after %d questions', async (token, attempts) => {
    const wanted = anAuthorization(token);
    const { payment } = await shop.checkout.authorize(wanted);
    const { paymentId, orderId, customerId, amount } = wanted;
    expect(payment).toMatchObject({ paymentId, orderId, customerId, amount, captured: GBP(0n), refunded: GBP(0n) });
    expect(payment).toMatchObject({ status: PaymentStatus.PAYMENT_STATUS_AUTHORIZED, version: 1n, declineReason: '' });
    expect(await shop.row(paymentId)).toMatchObject({ authorize_attempts: attempts });
    expect(await shop.events(paymentId)).toMatchObject([
      { type: 'payment_authorized', paymentId, orderId, amount, version: 1n, occurTime: payment?.updateTime },
    ]);
    expect((await shop.checkout.authorize(wanted)).payment).toEqual(payment);
  });

  it.each([
    ['tok_declined', 'CARD_DECLINED', 1],
    ['tok_insufficient_funds', 'INSUFFICIENT_FUNDS', 1],
    ['tok_timeout_declined', 'CARD_DECLINED', 2],
    ['tok_nobody_knows', 'UNKNOWN_TOKEN', 1],
  ])('refuses %s with %s after %d questions, and the same again', async (token, reason, attempts) => {
    const wanted = anAuthorization(token);
    const { paymentId, orderId } = wanted;
    for (let time = 0; time < 2; time++) {
      await expect(shop.checkout.authorize(wanted)).rejects.toEqual(failure(FAILED_PRECONDITION, reason));
    }
    expect(await shop.row(paymentId)).toMatchObject({ status: 'declined', authorize_attempts: attempts });
    expect(await shop.events(paymentId)).toMatchObject([{ type: 'payment_declined', orderId, reason, version: 1n }]);
  });

  it('refuses the same payment with other content, whatever became of it', async () => {
    const approved = anAuthorization('tok_approved');
    const declined = anAuthorization('tok_declined');
    await shop.checkout.authorize(approved);
    await expect(shop.checkout.authorize(declined)).rejects.toEqual(failure(FAILED_PRECONDITION, 'CARD_DECLINED'));
    for (const wanted of [approved, declined]) {
      for (const other of [
        { orderId: randomUUID() },
        { customerId: randomUUID() },
        { amount: GBP(1235n) },
        { amount: { currencyCode: 'EUR', minorUnits: 1234n } },
        { paymentMethodToken: 'tok_insufficient_funds' },
      ]) {
        const again = shop.checkout.authorize({ ...wanted, ...other });
        await expect(again).rejects.toEqual(failure(ALREADY_EXISTS, 'PAYMENT_EXISTS'));
      }
    }
  });

  it('takes both spellings of a UUID for one payment', async () => {
    const wanted = anAuthorization();
    const { paymentId, orderId, customerId } = wanted;
    const upper = {
      paymentId: paymentId.toUpperCase(),
      orderId: orderId.toUpperCase(),
      customerId: customerId.toUpperCase(),
    };
    const { payment } = await shop.checkout.authorize({ ...wanted, ...upper });
    expect(payment?.paymentId).toBe(paymentId);
    expect((await shop.checkout.authorize(wanted)).payment).toEqual(payment);
    expect(await shop.events(paymentId)).toHaveLength(1);
  });
});

describe('Capture', () => {
  it.each([
    ['tok_approved', 1],
    ['tok_capture_timeout', 2],
  ])('takes what is held for %s once, after %d questions', async (token, attempts) => {
    const wanted = await captured(token);
    const { payment } = await shop.checkout.capture(wanted);
    expect(payment).toMatchObject({ status: PaymentStatus.PAYMENT_STATUS_CAPTURED, captured: GBP(1234n), version: 2n });
    expect((await shop.checkout.authorize(wanted)).payment).toEqual(payment);
    expect(await shop.row(wanted.paymentId)).toMatchObject({ capture_attempts: attempts });
    const [, event, ...more] = await shop.events(wanted.paymentId);
    expect(event).toMatchObject({ type: 'payment_captured', orderId: wanted.orderId, amount: GBP(1234n), version: 2n });
    expect(more).toEqual([]);
  });

  it('is refused when nothing is held', async () => {
    const declined = anAuthorization('tok_declined');
    const voided = anAuthorization();
    await shop.checkout.authorize(declined).catch(() => {});
    await shop.checkout.void(voided);
    for (const nothing of [declined, voided]) {
      await expect(shop.checkout.capture(nothing)).rejects.toEqual(
        failure(FAILED_PRECONDITION, 'PAYMENT_NOT_AUTHORIZED'),
      );
    }
    await expect(shop.checkout.capture(anAuthorization())).rejects.toEqual(failure(NOT_FOUND, 'PAYMENT_NOT_FOUND'));
  });
});

describe('Void', () => {
  it('lets go of what is held, and repeating it changes nothing', async () => {
    const wanted = anAuthorization();
    await shop.checkout.authorize(wanted);
    const { payment } = await shop.checkout.void(wanted);
    expect(payment).toMatchObject({ status: PaymentStatus.PAYMENT_STATUS_VOIDED, version: 2n, captured: GBP(0n) });
    expect((await shop.checkout.void(wanted)).payment).toEqual(payment);
    expect(await shop.row(wanted.paymentId)).toMatchObject({ release_after: null });
    expect(await shop.events(wanted.paymentId)).toMatchObject([
      { type: 'payment_authorized', version: 1n },
      { type: 'payment_voided', version: 2n },
    ]);
    await expect(shop.checkout.authorize(wanted)).rejects.toEqual(failure(FAILED_PRECONDITION, 'PAYMENT_VOIDED'));
  });

  it('of a payment never seen is remembered, so that a late Authorize is refused', async () => {
    const wanted = anAuthorization();
    const { payment } = await shop.checkout.void(wanted);
    expect(payment).toMatchObject({
      status: PaymentStatus.PAYMENT_STATUS_VOIDED,
      orderId: '',
      customerId: '',
      version: 1n,
    });
    expect(payment?.amount).toBeUndefined();
    expect((await shop.checkout.void(wanted)).payment).toEqual(payment);
    await expect(shop.checkout.authorize(wanted)).rejects.toEqual(failure(FAILED_PRECONDITION, 'PAYMENT_VOIDED'));
    expect(await shop.events(wanted.paymentId)).toMatchObject([{ type: 'payment_voided', version: 1n }]);
  });

  it('of a declined payment succeeds and leaves it declined', async () => {
    const wanted = anAuthorization('tok_declined');
    await shop.checkout.authorize(wanted).catch(() => {});
    const { payment } = await shop.checkout.void(wanted);
    expect(payment).toMatchObject({
      status: PaymentStatus.PAYMENT_STATUS_DECLINED,
      declineReason: 'CARD_DECLINED',
      version: 1n,
    });
  });

  it('of a captured payment is refused', async () => {
    await expect(shop.checkout.void(await captured())).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'PAYMENT_CAPTURED'),
    );
  });
});

describe('Refund', () => {
  it('gives back parts until nothing is left, each once', async () => {
    const { paymentId, orderId } = await captured();
    const [first, second] = [randomUUID(), randomUUID()];
    for (let time = 0; time < 2; time++) {
      const { payment } = await shop.checkout.refund({ paymentId, refundId: first, amount: GBP(1000n) });
      expect(payment).toMatchObject({ captured: GBP(1234n), refunded: GBP(1000n), version: 3n });
    }
    const tooMuch = shop.checkout.refund({ paymentId, refundId: second, amount: GBP(235n) });
    await expect(tooMuch).rejects.toEqual(failure(FAILED_PRECONDITION, 'REFUND_EXCEEDS_CAPTURED'));
    const { payment } = await shop.checkout.refund({ paymentId, refundId: second, amount: GBP(234n) });
    expect(payment).toMatchObject({ status: PaymentStatus.PAYMENT_STATUS_CAPTURED, refunded: GBP(1234n), version: 4n });
    expect((await shop.events(paymentId)).slice(2)).toMatchObject([
      { type: 'payment_refunded', orderId, refundId: first, amount: GBP(1000n), version: 3n },
      { type: 'payment_refunded', orderId, refundId: second, amount: GBP(234n), version: 4n },
    ]);
  });

  it('refuses another amount for the same refund, another currency, and what was never taken', async () => {
    const { paymentId } = await captured();
    const refundId = randomUUID();
    await shop.checkout.refund({ paymentId, refundId, amount: GBP(10n) });
    const refund = (amount: { currencyCode: string; minorUnits: bigint }, id = paymentId) =>
      shop.checkout.refund({ paymentId: id, refundId, amount });
    await expect(refund(GBP(11n))).rejects.toEqual(failure(ALREADY_EXISTS, 'REFUND_EXISTS'));
    const euros = { currencyCode: 'EUR', minorUnits: 10n };
    await expect(refund(euros)).rejects.toEqual(failure(FAILED_PRECONDITION, 'CURRENCY_MISMATCH'));
    const held = anAuthorization();
    await shop.checkout.authorize(held);
    const early = refund(GBP(1n), held.paymentId);
    await expect(early).rejects.toEqual(failure(FAILED_PRECONDITION, 'REFUND_EXCEEDS_CAPTURED'));
    await expect(refund(GBP(1n), randomUUID())).rejects.toEqual(failure(NOT_FOUND, 'PAYMENT_NOT_FOUND'));
  });
});

describe('who asks', () => {
  it('a customer reads only their own payment, staff read all', async () => {
    const wanted = anAuthorization();
    const { payment } = await shop.checkout.authorize(wanted);
    const tombstone = anAuthorization();
    await shop.checkout.void(tombstone);
    const user = async (id: string, role: 'customer' | 'support' | 'admin') => shop.as({ user: { id, roles: [role] } });
    const owner = await user(wanted.customerId, 'customer');
    expect((await owner.getPayment(wanted)).payment).toEqual(payment);
    for (const role of ['support', 'admin'] as const) {
      expect((await (await user(randomUUID(), role)).getPayment(wanted)).payment).toEqual(payment);
    }
    const notFound = failure(NOT_FOUND, 'PAYMENT_NOT_FOUND');
    await expect((await user(randomUUID(), 'customer')).getPayment(wanted)).rejects.toEqual(notFound);
    await expect(owner.getPayment(tombstone)).rejects.toEqual(notFound);
    await expect(owner.getPayment(anAuthorization())).rejects.toEqual(notFound);
    await expect((await shop.as({})).getPayment(wanted)).rejects.toEqual(failure(UNAUTHENTICATED, 'TOKEN_REQUIRED'));
  });

  it('only checkout authorises; only checkout and admins capture, void and refund', async () => {
    const wanted = anAuthorization();
    const refund = { paymentId: wanted.paymentId, refundId: randomUUID(), amount: GBP(1n) };
    const notAllowed = failure(PERMISSION_DENIED, 'NOT_ALLOWED');
    const admin = await shop.as({ user: { id: randomUUID(), roles: ['admin'] } });
    await expect(admin.authorize(wanted)).rejects.toEqual(notAllowed);
    await shop.checkout.authorize(wanted);
    const customer = await shop.as({ user: { id: wanted.customerId, roles: ['customer'] } });
    const support = await shop.as({ user: { id: randomUUID(), roles: ['support'] }, caller: 'orders' });
    for (const client of [customer, support]) {
      for (const call of [
        client.authorize(wanted),
        client.capture(wanted),
        client.void(wanted),
        client.refund(refund),
      ]) {
        await expect(call).rejects.toEqual(notAllowed);
      }
    }
    expect((await admin.capture(wanted)).payment?.version).toBe(2n);
    expect((await admin.refund(refund)).payment?.version).toBe(3n);
  });
});
