import { takeSteps } from '@weft/kit/module';
import { outcomeOf } from '@weft/kit/rpc';
import { isPaymentKnown, nextStep, type PartFacts, type PartStep } from '../domain/part.ts';
import { type Payment, termsOf } from '../domain/payment.ts';
import { authorize } from './authorize.ts';
import { capturePayment } from './capture.ts';
import type { PaymentsApp } from './ports.ts';
import { refundPayment } from './refund.ts';
import { voidPayment } from './void.ts';

/** A choreographed order, with what is known of it. Its payment and the refund of all of it have its id. */
export interface Part {
  readonly id: string;
  readonly facts: PartFacts;
  /** Failed tries so far. */
  readonly tries: number;
}

export interface PartApp extends PaymentsApp {
  readonly note: (orderId: string, facts: PartFacts) => Promise<void>;
}

/** Tries to authorize, after which it is not tried any more. */
const MAX_TRIES = 10;

const NOT_NEEDED = ['placed'];

/** Does what a choreographed order asks of payments now. Gives which fact is not needed any more. */
export async function takePart(app: PartApp, { id, facts: known, tries }: Part): Promise<readonly string[]> {
  let facts = known;
  const payment = await takeSteps<Payment | undefined, PartStep>({
    service: 'payments',
    see: () => app.store.findPayment(id),
    next: (seen) => nextStep(facts, seen),
    take: (step) => STEPS[step](app, id, facts),
    async giveUp(step, error) {
      if (step !== 'authorize' || tries + 1 < MAX_TRIES) return false;
      const gaveUp = { reason: outcomeOf(error).reason };
      await app.note(id, { gaveUp });
      facts = { ...facts, gaveUp };
      return true;
    },
  });
  return isPaymentKnown(facts, payment) ? NOT_NEEDED : [];
}

const STEPS: Readonly<Record<PartStep, (app: PaymentsApp, id: string, facts: PartFacts) => Promise<unknown>>> = {
  async authorize(app, id, { placed }) {
    if (!placed) throw new Error(`order ${id} has not been placed`);
    const { customerId, currencyCode, minorUnits, token } = placed;
    const amount = { currencyCode, minorUnits: BigInt(minorUnits) };
    await authorize(app, { paymentId: id, orderId: id, customerId, amount, token });
  },
  capture: (app, id) => capturePayment(app, id),
  void: (app, id, { gaveUp }) => voidPayment(app, id, gaveUp?.reason),
  async refund(app, id) {
    const payment = await app.store.findPayment(id);
    if (!payment) throw new Error(`order ${id} has no payment`);
    await refundPayment(app, { paymentId: id, refundId: id, amount: termsOf(payment).amount });
  },
};
