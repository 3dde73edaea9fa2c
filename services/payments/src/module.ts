import { defineService, factsWorker, periodic } from '@weft/kit/module';
import { dueFacts } from '@weft/kit/store';
import type { PaymentProvider } from './app/ports.ts';
import { releaseDue } from './app/release.ts';
import { takePart } from './app/take-part.ts';
import { capturedMoney } from './captured-money.ts';
import { settings } from './config.ts';
import type { PartFacts } from './domain/part.ts';
import { onChoreography } from './events/on-choreography.ts';
import { published, stalledEvent } from './events/to-event.ts';
import { bounded } from './providers/bounded.ts';
import { simulator } from './providers/simulator.ts';
import { migrations } from './store/migrations.ts';
import { paymentStore } from './store/payment-store.ts';
import type { PaymentsSchema } from './store/schema.ts';
import { paymentsHandlers } from './transport/handlers.ts';

export interface PaymentsEdges {
  readonly provider: PaymentProvider;
  /** Milliseconds between two looks for holds that a void left behind. */
  readonly releaseEvery?: number;
}

/** Longer than one turn of a worker, which may wait for the provider a few times. */
const PART_HELD_MS = 20_000;

/** Payments through a provider. */
export const definePayments = ({ provider, releaseEvery = 10_000 }: PaymentsEdges) =>
  defineService<typeof settings, PaymentsSchema>({
    name: 'payments',
    needs: [],
    settings,
    migrations,
    publishes: published,
    create: ({ config, database, logger, now, runWork, meter, measurement }) => {
      const onCaptured = capturedMoney(
        meter.createCounter('weft.payments.captured', { description: 'Money captured, in minor units' }),
      );
      const app = {
        store: paymentStore(database),
        provider: bounded(provider, config.providerTimeout),
        now,
        onCaptured,
      };
      const onFailure = (err: unknown) => logger.warn({ err }, 'a hold could not be released yet');
      const due = dueFacts<PartFacts, PaymentsSchema>(database, now, PART_HELD_MS);
      const partApp = { ...app, store: paymentStore(database, { choreographed: true }), note: due.add };
      const parts = factsWorker({
        due,
        act: (part) => takePart(partApp, part),
        stalled: stalledEvent,
        logger,
        now,
        runWork,
        measurement: measurement('parts'),
      });
      return {
        grpc: [paymentsHandlers(app)],
        consumers: [onChoreography(parts.wake, now)],
        workers: [periodic(releaseEvery, () => releaseDue(app), onFailure), parts],
      };
    },
  });

export const payments = definePayments({ provider: simulator });
