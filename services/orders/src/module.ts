import { onceForCall } from '@weft/kit/idempotency';
import { defineService } from '@weft/kit/module';
import { changeWakeups } from '@weft/kit/watch';
import { catalogClient } from './clients/catalog.ts';
import { settings } from './config.ts';
import { onChoreography } from './events/on-choreography.ts';
import { onShipping } from './events/on-shipping.ts';
import { onUsers } from './events/on-users.ts';
import { published } from './events/to-event.ts';
import { migrations } from './store/migrations.ts';
import { orderViews } from './store/order-views.ts';
import { ordersStore, ordersTransaction, recentOrders } from './store/orders-store.ts';
import type { OrdersSchema } from './store/schema.ts';
import { ordersHandlers } from './transport/handlers.ts';

export const orders = defineService<typeof settings, OrdersSchema>({
  name: 'orders',
  needs: ['catalog'],
  settings,
  migrations,
  publishes: published,
  create({ config, database, client, now, newId }) {
    const recent = recentOrders();
    const store = ordersStore(database, recent);
    const wakeups = changeWakeups(database, { versions: store.versions, eventsByKey: true });
    const handlers = ordersHandlers({
      store,
      views: orderViews(database),
      catalog: catalogClient(client),
      wakeups,
      once: (call, key, { prepare, commit }) =>
        onceForCall(database, call, key, {
          ...(prepare && { prepare }),
          commit: (tx, prepared) => commit(ordersTransaction(tx, recent), prepared),
        }),
      sagaStyle: config.sagaStyle,
      now,
      newId,
    });
    return {
      grpc: [handlers],
      consumers: [onShipping(recent, now), onUsers(), onChoreography(recent, now)],
      workers: [wakeups],
    };
  },
});
