import type { ConfigOf } from '../config/index.ts';
import { type Bus, type EventContract, longestRetention, openPostgresBus } from '../events/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { jetStreamSettings, postgresBusSettings } from './settings.ts';

/** What the settings of a service say of its bus. */
export type BusConfig = ConfigOf<typeof jetStreamSettings> | ConfigOf<typeof postgresBusSettings>;

export interface Buses {
  of(config: BusConfig): Promise<Bus>;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const NAMES = Object.keys({ ...jetStreamSettings, ...postgresBusSettings });

/** The buses of a process, each opened once for all services whose settings are the same. @param onOpen is given each of them */
export function createBuses(
  services: readonly {
    readonly name: string;
    readonly config: BusConfig;
    readonly publishes: readonly EventContract[];
  }[],
  logger: Logger,
  onOpen: (bus: Bus) => void,
): Buses {
  const opened = new Map<string, Promise<Bus>>();
  const open = async (config: BusConfig, key: string): Promise<Bus> => {
    if ('busUrl' in config) return openPostgresBus({ url: config.busUrl, name: 'weft', logger });
    // Only who uses it pays for loading it.
    const { openJetStreamBus } = await import('../events/jetstream/index.ts');
    const here = services.filter((one) => keyOf(one.config) === key);
    const stated = here.map(({ name, publishes }) => [name, longestRetention(publishes)] as const);
    const { natsRetentionHours: hours } = config;
    return openJetStreamBus({
      url: config.natsUrl,
      caFile: config.natsCaFile,
      certFile: config.natsCertFile,
      keyFile: config.natsKeyFile,
      replicas: config.natsReplicas,
      storage: config.natsStorage,
      ...(hours > 0
        ? { retentionMs: hours * HOUR_MS }
        : { retentionsMs: Object.fromEntries(stated.flatMap(([name, ms]) => (ms === undefined ? [] : [[name, ms]]))) }),
      duplicateWindowMs: config.natsDuplicateWindow,
      ackWaitMs: config.natsAckWait,
      services: here.map(({ name }) => name),
      name: services.length === 1 && services[0] ? services[0].name : 'weft',
      logger,
    });
  };
  return {
    async of(config) {
      const key = keyOf(config);
      const found = opened.get(key) ?? open(config, key);
      if (!opened.has(key)) void found.then(onOpen, () => undefined);
      opened.set(key, found);
      return found;
    },
    async close() {
      await Promise.all([...opened.values()].map(async (one) => (await one).close()));
    },
  };
}

const keyOf = (config: BusConfig): string => JSON.stringify(config, NAMES);
