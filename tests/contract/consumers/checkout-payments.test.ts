import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { paymentsClient } from '@weft/checkout/clients/payments';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { status } from '@weft/kit/rpc';
import { payments } from '@weft/payments/module';
import { GBP, openPair, type Pair, refusal } from './pair.ts';

let pair: Pair;
let money: ReturnType<typeof paymentsClient>;
beforeAll(async () => {
  pair = await openPair(payments, 'checkout');
  money = paymentsClient(pair.client);
});
afterAll(() => pair.stop());

function payment(token = 'tok_approved') {
  const orderId = randomUUID();
  return { paymentId: orderId, orderId, customerId: randomUUID(), amount: GBP(800n), token };
}

async function read(paymentId: string) {
  const user = { id: randomUUID(), roles: ['support'] as const };
  const staff = await pair.booted.client(PaymentsServiceService, PaymentsService, { user });
  const { payment: found } = await staff.getPayment({ paymentId });
  return [found?.captured?.minorUnits, found?.refunded?.minorUnits];
}

describe('what checkout expects of payments', () => {
  it('is that authorising, capturing and refunding are each done once, however often they are repeated', async () => {
    const wanted = payment();
    const { paymentId, orderId, customerId, amount } = wanted;
    const refundId = randomUUID();
    for (let time = 0; time < 2; time++) await money.authorize(wanted);
    for (let time = 0; time < 2; time++) await money.capture(paymentId);
    await money.authorize(wanted);
    expect(await read(paymentId)).toEqual([800n, 0n]);
    for (let time = 0; time < 2; time++) await money.refund(paymentId, refundId, GBP(300n));
    await money.refund(paymentId, randomUUID(), GBP(500n));
    expect(await read(paymentId)).toEqual([800n, 800n]);
    const authorize = { paymentId, orderId, customerId, amount, paymentMethodToken: 'tok_approved' };
    const [first, second, third, fourth, fifth, sixth, seventh] = pair.sent();
    for (const sent of [first, second, fifth]) expect(sent).toEqual({ method: 'authorize', request: authorize });
    for (const sent of [third, fourth]) expect(sent).toEqual({ method: 'capture', request: { paymentId } });
    for (const sent of [sixth, seventh]) {
      expect(sent).toEqual({ method: 'refund', request: { paymentId, refundId, amount: GBP(300n) } });
    }
  });

  it('is that voiding undoes an authorisation, one declined or never made too, and that a late one is refused', async () => {
    const [made, declined, never] = [payment(), payment('tok_declined'), payment()];
    await money.authorize(made);
    await money.authorize(declined).catch(() => undefined);
    for (const { paymentId } of [made, made, declined, never, never]) await money.void(paymentId);
    for (const late of [made, never]) {
      await expect(money.authorize(late)).rejects.toEqual(refusal(status.FAILED_PRECONDITION, 'PAYMENT_VOIDED'));
      await expect(money.capture(late.paymentId)).rejects.toEqual(
        refusal(status.FAILED_PRECONDITION, 'PAYMENT_NOT_AUTHORIZED'),
      );
    }
  });

  it.each([
    ['tok_declined', 'CARD_DECLINED'],
    ['tok_insufficient_funds', 'INSUFFICIENT_FUNDS'],
    ['tok_nobody_knows', 'UNKNOWN_TOKEN'],
  ])('is a refusal for good of %s, whose reason becomes that of the order’s rejection: %s', async (token, reason) => {
    const refused = payment(token);
    for (let time = 0; time < 2; time++) {
      await expect(money.authorize(refused)).rejects.toEqual(refusal(status.FAILED_PRECONDITION, reason));
    }
  });

  it.each(['tok_timeout_approved', 'tok_capture_timeout'])(
    'is an answer in the end where the provider is slow (%s)',
    async (token) => {
      const slow = payment(token);
      const untilAnswered = async (call: () => Promise<void>): Promise<void> => {
        for (let time = 0; time < 3; time++) {
          try {
            return await call();
          } catch (error) {
            // Checkout tries again what it knows no outcome of.
            expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).toContain((error as { code: status }).code);
          }
        }
        throw new Error('there is no answer');
      };
      await untilAnswered(() => money.authorize(slow));
      await untilAnswered(() => money.capture(slow.paymentId));
      expect(await read(slow.paymentId)).toEqual([800n, 0n]);
    },
  );
});
