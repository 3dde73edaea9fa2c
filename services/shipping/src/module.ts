import { defineService, factsWorker, periodic } from '@weft/kit/module';
import { dueFacts } from '@weft/kit/store';
import { changeWakeups } from '@weft/kit/watch';
import { dispatchDue } from './app/dispatch.ts';
import type { Carrier } from './app/ports.ts';
import { takePart } from './app/take-part.ts';
import { withdrawDue } from './app/withdraw.ts';
import { bounded } from './carriers/bounded.ts';
import { simulator } from './carriers/simulator.ts';
import { ordersClient } from './clients/orders.ts';
import { settings } from './config.ts';
import type { PartFacts } from './domain/part.ts';
import { onChoreography } from './events/on-choreography.ts';
import { onOrders } from './events/on-orders.ts';
import { onUsers } from './events/on-users.ts';
import { published, stalledEvent } from './events/to-event.ts';
import { migrations } from './store/migrations.ts';
import type { ShippingSchema } from './store/schema.ts';
import { recentShipments, shippingStore } from './store/shipping-store.ts';
import { shippingHandlers } from './transport/handlers.ts';

export interface ShippingEdges {
  /** @param delayMs how long it takes to collect what it is asked to delay */
  readonly carrier: (delayMs: number) => Carrier;
  /** Milliseconds between two looks for what was cancelled. */
  readonly withdrawEvery?: number;
}

const DISPATCH_EVERY_MS = 250;
/** Longer than one turn of a worker, which may wait for the carrier a few times. */
const PART_HELD_MS = 20_000;

/** Shipments through a carrier. */
export const defineShipping = ({ carrier, withdrawEvery = 2_000 }: ShippingEdges) =>
  defineService<typeof settings, ShippingSchema>({
    name: 'shipping',
    needs: ['orders'],
    settings,
    migrations,
    publishes: published,
    create: ({ config, database, client, logger, now, runWork, measurement }) => {
      const recent = recentShipments();
      const store = shippingStore(database, recent);
      const app = { store, carrier: bounded(carrier(config.carrierDelay), config.carrierTimeout), now };
      const wakeups = changeWakeups(database, { versions: store.versions, eventsByKey: true });
      const due = dueFacts<PartFacts, ShippingSchema>(database, now, PART_HELD_MS);
      const partApp = {
        ...app,
        store: shippingStore(database, recent, true),
        orders: ordersClient(client),
        note: due.add,
      };
      const parts = factsWorker({
        due,
        act: (part) => takePart(partApp, part),
        stalled: stalledEvent,
        logger,
        now,
        runWork,
        measurement: measurement('parts'),
      });
      const notDispatched = (err: unknown) => logger.warn({ err }, 'shipments could not be dispatched yet');
      const notWithdrawn = (err: unknown) => logger.warn({ err }, 'a shipment could not be withdrawn yet');
      return {
        grpc: [shippingHandlers(app, wakeups)],
        consumers: [onOrders(recent, now), onUsers(), onChoreography(parts.wake, now)],
        workers: [
          wakeups,
          parts,
          periodic(DISPATCH_EVERY_MS, () => dispatchDue(app), notDispatched),
          periodic(withdrawEvery, () => withdrawDue(app), notWithdrawn),
        ],
      };
    },
  });

export const shipping = defineShipping({ carrier: simulator });
