import * as schema from '@weft/gen/es/weft/payments/v1/events_pb';
import {
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentStalled,
  PaymentVoided,
} from '@weft/gen/grpc/weft/payments/v1/events';
import { defineEvent, type EventType, eventsOf, ofChoreographed } from '@weft/kit/events';
import type { Stalled } from '@weft/kit/module';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { PaymentEvent } from '../app/ports.ts';
import { termsOf } from '../domain/payment.ts';

export const published = eventsOf(schema.file_weft_payments_v1_events);

const authorized = defineEvent(PaymentAuthorized, schema.PaymentAuthorizedSchema);
const declined = defineEvent(PaymentDeclined, schema.PaymentDeclinedSchema);
const captured = defineEvent(PaymentCaptured, schema.PaymentCapturedSchema);
const voided = defineEvent(PaymentVoided, schema.PaymentVoidedSchema);
const refunded = defineEvent(PaymentRefunded, schema.PaymentRefundedSchema);
const stalled = defineEvent(PaymentStalled, schema.PaymentStalledSchema);

/**
 * The contract's event for what happened.
 * @param choreographed the services of an order act on it without being called
 */
export function toEvent(event: PaymentEvent, choreographed: boolean): OutgoingEvent {
  const { payment } = event;
  const { paymentId, version, updatedAt: now } = payment;
  const base = { paymentId, version, occurTime: toTimestamp(now) };
  const styled = <T>(type: EventType<T>) => (choreographed ? ofChoreographed(type) : type);
  if (payment.status === 'voided') {
    const reason = event.type === 'payment-changed' ? event.reason : undefined;
    return styled(voided).create({ ...base, reason: reason ?? '' }, { now });
  }
  const { orderId, customerId, amount } = termsOf(payment);
  if (event.type === 'payment-refunded') {
    const { refundId, amount: minorUnits } = event.refund;
    return styled(refunded).create(
      { ...base, orderId, customerId, refundId, amount: { ...amount, minorUnits } },
      { now },
    );
  }
  switch (payment.status) {
    case 'authorized':
      return styled(authorized).create({ ...base, orderId, amount: { ...amount } }, { now });
    case 'captured':
      return styled(captured).create({ ...base, orderId, amount: { ...amount } }, { now });
    case 'declined':
      return styled(declined).create({ ...base, orderId, reason: payment.declineReason ?? '' }, { now });
    case 'pending':
      throw new Error('nothing has happened to a pending payment');
  }
}

/** The contract's alert: a step of a choreographed order fails again and again. */
export function stalledEvent({ id, step, reason: lastError, tries, at }: Stalled): OutgoingEvent {
  const version = BigInt(tries);
  return stalled.create(
    { paymentId: id, orderId: id, version, occurTime: toTimestamp(at), step, lastError },
    { now: at },
  );
}
