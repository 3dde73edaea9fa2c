import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import * as events from '@weft/gen/grpc/weft/payments/v1/events';
import { type AuthorizeRequest, PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { type As, boot } from '@weft/kit/testing';
import { type definePayments, payments } from '../src/module.ts';

/** Payments as it runs, with what its tests look at. */
export async function bootPayments(service: ReturnType<typeof definePayments> = payments) {
  const booted = await boot([service]);
  const as = (who: As) => booted.client(PaymentsServiceService, PaymentsService, who);
  return {
    ...booted,
    /** The running system changes with a restart; the rest stays. */
    booted,
    as,
    checkout: await as({ caller: 'checkout' }),
    /** The events of a payment on the bus: name and content, in order. */
    async events(paymentId: string): Promise<Record<string, unknown>[]> {
      await booted.settle(10_000);
      const published = await booted.bus.query<{ type: string; payload: Buffer; key: string }>(
        'SELECT type, payload FROM bus.message WHERE key = $1 ORDER BY seq',
        [paymentId],
      );
      return published.map(({ type, payload }) => ({
        type: type.slice('weft.payments.v1.'.length),
        ...decode(type, payload),
      }));
    },
    async row(paymentId: string): Promise<Record<string, unknown>> {
      const sql = 'SELECT * FROM payment WHERE payment_id = $1';
      const [row] = await booted.database('payments').query<Record<string, unknown>>(sql, [paymentId]);
      return row ?? {};
    },
  };
}

export type BootedPayments = Awaited<ReturnType<typeof bootPayments>>;

const DECODERS: Readonly<Record<string, { decode(bytes: Uint8Array): object }>> = {
  'weft.payments.v1.payment_authorized': events.PaymentAuthorized,
  'weft.payments.v1.payment_declined': events.PaymentDeclined,
  'weft.payments.v1.payment_captured': events.PaymentCaptured,
  'weft.payments.v1.payment_voided': events.PaymentVoided,
  'weft.payments.v1.payment_refunded': events.PaymentRefunded,
};

const decode = (type: string, payload: Uint8Array): object => DECODERS[type]?.decode(payload) ?? {};

export const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });

/** An Authorize of £12.34. */
export function anAuthorization(
  paymentMethodToken = 'tok_approved',
  other: Partial<AuthorizeRequest> = {},
): AuthorizeRequest {
  const paymentId = randomUUID();
  return { paymentId, orderId: paymentId, customerId: randomUUID(), amount: GBP(1234n), paymentMethodToken, ...other };
}

/** What a call throws: the status code and the stable reason. */
export const failure = (code: number, reason: string) => expect.objectContaining({ code, reason });
