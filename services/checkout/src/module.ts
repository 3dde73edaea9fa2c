import { defineService } from '@weft/kit/module';
import { inventoryClient } from './clients/inventory.ts';
import { ordersClient } from './clients/orders.ts';
import { paymentsClient } from './clients/payments.ts';
import { shippingClient } from './clients/shipping.ts';
import { settings } from './config.ts';
import type { SagaKind } from './domain/saga.ts';
import { onOrders } from './events/on-orders.ts';
import { published } from './events/to-events.ts';
import { serviceOf, shapeOf } from './sagas/definition.ts';
import { sagaDefinitions } from './sagas/definitions.ts';
import { sagaRunner } from './sagas/runner.ts';
import { sagaMetrics } from './sagas/saga-metrics.ts';
import { checkoutStore } from './store/checkout-store.ts';
import { migrations } from './store/migrations.ts';
import type { CheckoutSchema } from './store/schema.ts';
import { checkoutHandlers } from './transport/handlers.ts';

export const checkout = defineService<typeof settings, CheckoutSchema>({
  name: 'checkout',
  needs: ['inventory', 'payments', 'shipping', 'orders'],
  settings,
  migrations,
  publishes: published,
  create({ config, database, client, logger, now, newId, runWork, measurement }) {
    const store = checkoutStore(database, now);
    const definitions = sagaDefinitions({
      inventory: inventoryClient(client),
      payments: paymentsClient(client),
      shipping: shippingClient(client),
      orders: ordersClient(client),
    });
    const shapes = {
      'place-order': shapeOf(definitions['place-order']),
      'cancel-order': shapeOf(definitions['cancel-order']),
      'return-items': shapeOf(definitions['return-items']),
    };
    const runner = sagaRunner({
      store,
      definitions,
      shapes,
      logger,
      now,
      newId,
      runWork,
      concurrency: config.sagaConcurrency,
    });
    return {
      grpc: [
        checkoutHandlers({
          store,
          serviceOf: (kind, step) => serviceOf(definitions[kind], step),
          wake: runner.wake,
          now,
        }),
      ],
      consumers: [onOrders({ shapes, adopt: runner.adopt, wake: runner.wake, now })],
      workers: [runner, sagaMetrics(store, Object.keys(shapes) as SagaKind[], { measurement, logger, now })],
    };
  },
});
