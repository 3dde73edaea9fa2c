import type { ConfigOf } from '../config/index.ts';
import type { Bus, RegisteredSchema } from '../events/index.ts';
import { type Database, migrate, openDatabase } from '../store/index.ts';
import { databaseSpans, type Logger, type Tracing } from '../telemetry/index.ts';
import type { AnyService } from './service.ts';
import type { storeSettings } from './settings.ts';
import { whenAvailable } from './when-available.ts';

export interface Store {
  readonly database: Database<unknown>;
  /**
   * Brings the database up to date, and waits for it and for the bus as long as a start does. Gives the versions of events on
   * the bus.
   */
  ready(): Promise<readonly RegisteredSchema[]>;
}

export type StoreConfig = ConfigOf<typeof storeSettings>;

/** A service's database, of which nothing is asked yet. */
export function openStore(spec: AnyService, config: StoreConfig, bus: Bus, tracing: Tracing, logger: Logger): Store {
  const { databaseUrl: url, databaseConnections: maxConnections, startWait } = config;
  const observed = tracing.active ? { spans: databaseSpans(tracing, spec.name, url) } : {};
  const database = openDatabase<unknown>({ url, name: spec.name, maxConnections, ...observed, logger });
  return {
    database,
    async ready() {
      try {
        const migrated = () => migrate(database, spec.migrations ?? []);
        const open = () => Promise.all([bus.schemas(), migrated(), bus.check()]);
        const [known] = await whenAvailable(startWait, logger, open);
        return known;
      } catch (error) {
        await database.close(500);
        throw new Error(`${spec.name}: ${(error as Error).message}`, { cause: error });
      }
    },
  };
}
