import { onceForCall } from '@weft/kit/idempotency';
import { defineService } from '@weft/kit/module';
import { changeWakeups } from '@weft/kit/watch';
import { onChoreography } from './events/on-choreography.ts';
import { published } from './events/to-event.ts';
import { inventoryStore, inventoryTransaction, recentReservations, stockVersions } from './store/inventory-store.ts';
import { migrations } from './store/migrations.ts';
import type { InventorySchema } from './store/schema.ts';
import { inventoryHandlers } from './transport/handlers.ts';

export const inventory = defineService<Record<string, never>, InventorySchema>({
  name: 'inventory',
  needs: [],
  settings: {},
  migrations,
  publishes: published,
  create({ database, now }) {
    const recent = recentReservations();
    // Reserving tells of reservations, not of the stocks that it changes.
    const wakeups = changeWakeups(database, {
      versions: (codes) => stockVersions(database, codes),
      eventsByKey: false,
    });
    const handlers = inventoryHandlers({
      store: inventoryStore(database, recent),
      wakeups,
      once: (call, key, work) =>
        onceForCall(database, call, key, { commit: (tx) => work(inventoryTransaction(tx, recent)) }),
      now,
    });
    return { grpc: [handlers], consumers: [onChoreography(recent, now)], workers: [wakeups] };
  },
});
