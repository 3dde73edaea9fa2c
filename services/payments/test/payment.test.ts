import { describe, expect, it } from '@jest/globals';
import {
  approve,
  authorizeAgain,
  beginCapture,
  capture,
  decline,
  newPayment,
  type Payment,
  type Terms,
  tombstone,
  voidPayment,
} from '../src/domain/payment.ts';
import { beginRefund, completeRefund } from '../src/domain/refund.ts';

const NOW = new Date(1000);
const LATER = new Date(2000);
const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });
const terms: Terms = { orderId: 'order', customerId: 'customer', amount: GBP(100n), tokenHash: 'hash' };

const pending = newPayment('payment', terms, NOW);
const authorized = approve(pending, 'hold', NOW);
const standing: Readonly<Record<string, Payment>> = {
  pending,
  authorized,
  declined: decline(pending, 'CARD_DECLINED', NOW),
  captured: capture(beginCapture(authorized), NOW),
  voided: voidPayment(authorized, NOW),
  tombstone: tombstone('payment', NOW),
};
const refusal = (reason: string) => expect.objectContaining({ reason });
const outcome = (work: () => Payment): unknown => {
  try {
    return work().status;
  } catch (error) {
    return (error as { reason?: string }).reason ?? error;
  }
};

describe('a payment', () => {
  it.each([
    ['pending', 'pending', 'PAYMENT_NOT_AUTHORIZED', 'voided'],
    ['authorized', 'authorized', 'authorized', 'voided'],
    ['declined', 'CARD_DECLINED', 'PAYMENT_NOT_AUTHORIZED', 'declined'],
    ['captured', 'captured', 'captured', 'PAYMENT_CAPTURED'],
    ['voided', 'PAYMENT_VOIDED', 'PAYMENT_NOT_AUTHORIZED', 'voided'],
    ['tombstone', 'PAYMENT_VOIDED', 'PAYMENT_NOT_AUTHORIZED', 'voided'],
  ])('that is %s answers Authorize with %s, Capture with %s, Void with %s', (status, authorize, capturing, voiding) => {
    const payment = standing[status] as Payment;
    expect(outcome(() => authorizeAgain(payment, terms))).toBe(authorize);
    expect(outcome(() => beginCapture(payment))).toBe(capturing);
    expect(outcome(() => voidPayment(payment, LATER))).toBe(voiding);
  });

  it('grows by one version with each thing that happens, and with nothing else', () => {
    expect(pending.version).toBe(0n);
    expect(authorizeAgain(pending, terms).version).toBe(0n);
    expect(authorized.version).toBe(1n);
    expect(beginCapture(authorized).version).toBe(1n);
    expect(standing.captured?.version).toBe(2n);
    expect(standing.tombstone?.version).toBe(1n);
    expect(capture(standing.captured as Payment, LATER)).toBe(standing.captured);
    expect(voidPayment(standing.voided as Payment, LATER)).toBe(standing.voided);
    expect(voidPayment(standing.declined as Payment, LATER)).toBe(standing.declined);
  });

  it.each([
    ['order', { orderId: 'other' }],
    ['customer', { customerId: 'other' }],
    ['amount', { amount: GBP(101n) }],
    ['currency', { amount: { currencyCode: 'EUR', minorUnits: 100n } }],
    ['token', { tokenHash: 'other' }],
  ])('is not authorised again with another %s', (_, other) => {
    for (const status of ['pending', 'authorized', 'declined', 'captured']) {
      expect(() => authorizeAgain(standing[status] as Payment, { ...terms, ...other })).toThrow(
        refusal('PAYMENT_EXISTS'),
      );
    }
  });

  it('cannot be voided once its capture was begun, since the money may be taken', () => {
    expect(() => voidPayment(beginCapture(authorized), LATER)).toThrow(refusal('PAYMENT_CAPTURED'));
  });

  it('keeps its outcome when the provider says another thing later', () => {
    expect(decline(authorized, 'CARD_DECLINED', LATER)).toBe(authorized);
    expect(approve(authorized, 'other', LATER)).toBe(authorized);
    expect(decline(standing.voided as Payment, 'CARD_DECLINED', LATER)).toBe(standing.voided);
  });

  it('that ended has a hold let go that is made later', () => {
    for (const ended of [voidPayment(pending, NOW), standing.declined as Payment]) {
      const late = approve(ended, 'hold', LATER);
      expect(late).toEqual({ ...ended, reference: 'hold', releaseAfter: new Date(LATER.getTime() + 60_000) });
    }
  });

  it('refuses with a defect a move that is in no table', () => {
    expect(() => capture(standing.voided as Payment, LATER)).toThrow('a payment does not go from voided to captured');
  });
});

describe('a refund', () => {
  const captured = standing.captured as Payment;
  const begin = (payment: Payment, refundId: string, amount: bigint) =>
    beginRefund(payment, undefined, { refundId, amount: GBP(amount) }, LATER);

  it('sets its amount aside before it is given back', () => {
    const begun = begin(captured, 'r1', 60n);
    expect(begun.payment).toEqual({ ...captured, refunding: 60n });
    expect(() => begin(begun.payment, 'r2', 41n)).toThrow(refusal('REFUND_EXCEEDS_CAPTURED'));
    const done = completeRefund(begun, LATER);
    expect(done.payment).toEqual({ ...captured, refunded: 60n, refunding: 0n, version: 3n, updatedAt: LATER });
    expect(done.refund.status).toBe('done');
    expect(() => begin(done.payment, 'r2', 41n)).toThrow(refusal('REFUND_EXCEEDS_CAPTURED'));
    expect(completeRefund(begin(done.payment, 'r2', 40n), LATER).payment.refunded).toBe(100n);
  });

  it('is given once for its id', () => {
    const done = completeRefund(begin(captured, 'r1', 60n), LATER);
    const again = beginRefund(done.payment, done.refund, { refundId: 'r1', amount: GBP(60n) }, LATER);
    expect(again).toEqual(done);
    expect(completeRefund(again, LATER)).toEqual(done);
  });

  it('that is not answered yet is counted and sets nothing more aside', () => {
    const begun = begin(captured, 'r1', 60n);
    const again = beginRefund(begun.payment, begun.refund, { refundId: 'r1', amount: GBP(60n) }, LATER);
    expect(again).toEqual({ payment: begun.payment, refund: { ...begun.refund, attempts: 2 } });
  });

  it('is refused with another amount or another currency', () => {
    const { payment, refund } = begin(captured, 'r1', 60n);
    const wanted = (amount: { currencyCode: string; minorUnits: bigint }) => () =>
      beginRefund(payment, refund, { refundId: 'r1', amount }, LATER);
    expect(wanted(GBP(61n))).toThrow(refusal('REFUND_EXISTS'));
    expect(wanted({ currencyCode: 'EUR', minorUnits: 60n })).toThrow(refusal('CURRENCY_MISMATCH'));
  });

  it('of what was never taken exceeds it', () => {
    for (const status of ['pending', 'authorized', 'declined', 'voided', 'tombstone']) {
      expect(() => begin(standing[status] as Payment, 'r1', 1n)).toThrow(refusal('REFUND_EXCEEDS_CAPTURED'));
    }
  });
});
