import type { ConfigOf } from '../config/index.ts';
import type { Bus, RegisteredSchema } from '../events/index.ts';
import { type Database, migrate, openDatabase } from '../store/index.ts';
import { databaseSpans, type Logger, type Tracing } from '../telemetry/index.ts';
import type { AnyService } from './service.ts';
import type { storeSettings } from './settings.ts';
import { whenAvailable } from './when-available.ts';

export interface Store {
  readonly database: Database<unknown>;
  /** Versions of events on the bus. */
  readonly known: readonly RegisteredSchema[];
}

export type StoreConfig = ConfigOf<typeof storeSettings>;

/** Opens a service's database, brings it up to date, and waits for it and for the bus as long as a start does. */
export async function openStore(
  spec: AnyService,
  config: StoreConfig,
  bus: Bus,
  tracing: Tracing,
  logger: Logger,
): Promise<Store> {
  const { databaseUrl: url, databaseConnections: maxConnections, startWait } = config;
  const observed = tracing.active ? { spans: databaseSpans(tracing, spec.name, url) } : {};
  const database = openDatabase<unknown>({ url, name: spec.name, maxConnections, ...observed, logger });
  try {
    const migrated = () => migrate(database, spec.migrations ?? []);
    const open = () => Promise.all([bus.schemas(), migrated(), bus.check()]);
    const [known] = await whenAvailable(startWait, logger, open);
    return { database, known };
  } catch (error) {
    await database.close(500);
    throw new Error(`${spec.name}: ${(error as Error).message}`, { cause: error });
  }
}
