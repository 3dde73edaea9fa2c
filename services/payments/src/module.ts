import { defineService } from '@weft/kit/module';
import type { PaymentProvider } from './app/ports.ts';
import { releaseDue } from './app/release.ts';
import { settings } from './config.ts';
import { bounded } from './providers/bounded.ts';
import { simulator } from './providers/simulator.ts';
import { migrations } from './store/migrations.ts';
import { paymentStore } from './store/payment-store.ts';
import type { PaymentsSchema } from './store/schema.ts';
import { paymentsHandlers } from './transport/handlers.ts';
import { periodic } from './workers/periodic.ts';

const RELEASE_EVERY_MS = 10_000;

/** Payments through a provider. */
export const definePayments = ({ provider }: { readonly provider: PaymentProvider }) =>
  defineService<typeof settings, PaymentsSchema>({
    name: 'payments',
    needs: [],
    settings,
    migrations,
    create: ({ config, database, logger, now }) => {
      const app = { store: paymentStore(database), provider: bounded(provider, config.providerTimeout), now };
      const onFailure = (err: unknown) => logger.warn({ err }, 'a hold could not be released yet');
      return {
        grpc: [paymentsHandlers(app)],
        workers: [periodic(RELEASE_EVERY_MS, () => releaseDue(app), onFailure)],
      };
    },
  });

export const payments = definePayments({ provider: simulator });
