import { defineService, periodic } from '@weft/kit/module';
import type { PaymentProvider } from './app/ports.ts';
import { releaseDue } from './app/release.ts';
import { settings } from './config.ts';
import { published } from './events/to-event.ts';
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

/** Payments through a provider. */
export const definePayments = ({ provider, releaseEvery = 10_000 }: PaymentsEdges) =>
  defineService<typeof settings, PaymentsSchema>({
    name: 'payments',
    needs: [],
    settings,
    migrations,
    publishes: published,
    create: ({ config, database, logger, now }) => {
      const app = { store: paymentStore(database), provider: bounded(provider, config.providerTimeout), now };
      const onFailure = (err: unknown) => logger.warn({ err }, 'a hold could not be released yet');
      return {
        grpc: [paymentsHandlers(app)],
        workers: [periodic(releaseEvery, () => releaseDue(app), onFailure)],
      };
    },
  });

export const payments = definePayments({ provider: simulator });
