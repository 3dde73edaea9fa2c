import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { defineService, type Worker } from '@weft/kit/module';
import { type ClientOf, createClient, type HandlersOf, serveService } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { some } from '@weft/kit/testing';

type Handlers = Partial<HandlersOf<typeof InventoryServiceService>>;

/** A service that does what a test tells it to, with everything of the kit around it. */
export function tiny(name: string, handlers: Handlers = {}, { needs = [] as string[], workers = [] as Worker[] } = {}) {
  return defineService<Record<string, never>, unknown>({
    name,
    needs,
    settings: {},
    migrations: [],
    create: () => ({
      grpc: [serveService(InventoryServiceService, InventoryService, some(InventoryServiceService, handlers))],
      workers,
      routes: { [`/${name}`]: async () => ({ name }) },
    }),
  });
}

/** Calls such a service, which takes it for checkout; the test closes it. */
export function tinyClient(target: string): ClientOf<typeof InventoryServiceService> {
  const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });
  const options = { target, tracing, retries: false, caller: 'checkout' };
  return createClient(InventoryServiceService, InventoryService, options);
}
