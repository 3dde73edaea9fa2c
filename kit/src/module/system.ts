import { type ConfigOf, type Environment, loadConfigs } from '../config/index.ts';
import { logFields } from '../context/index.ts';
import type { Registry } from '../discovery/index.ts';
import { createTokenVerifier, LocalServers, meshCallers, type RenewingVerifier } from '../rpc/index.ts';
import { createLogger, createMetrics, createTracing, type Logger } from '../telemetry/index.ts';
import { allEnded } from '../time/index.ts';
import { type BusConfig, type Buses, createBuses } from './buses.ts';
import { main } from './main.ts';
import { startModules, stopModules } from './module.ts';
import { startOpsServer } from './ops-server.ts';
import { periodic } from './periodic.ts';
import { type AnyService, settingsOf } from './service.ts';
import { type SharedParts, serviceModule } from './service-module.ts';
import { processSettings, registrySettings } from './settings.ts';
import { shareWantedTraces } from './wanted-traces.ts';

/** Sooner than they are too old. */
const RENEW_KEYS_MS = 5 * 60_000;
const VERSION = process.env.WEFT_VERSION ?? '0.1.0';

/** Services that run in this process. */
export interface System {
  readonly logger: Logger;
  readonly opsPort: number;
  /** gRPC port by service. */
  readonly ports: Readonly<Record<string, number>>;
  /** The other ports, by service and name. */
  readonly listeners: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /**
   * By service, what it has not done yet: events that are not published, deliveries that are not handled, work of its own
   * that has not ended. The ops port has it at /pending.
   */
  pending(): Promise<Readonly<Record<string, number>>>;
  readonly stopTimeout: number;
  stop(): Promise<void>;
}

export interface SystemOptions {
  /** Takes the log's lines instead of standard output. */
  readonly log?: (line: string) => void;
}

type ProcessConfig = ConfigOf<typeof processSettings> & Partial<ConfigOf<typeof registrySettings>>;

/** The settings of a process of these services. Throws a ConfigError that names every wrong one at once. */
export function readSettings(specs: readonly AnyService[], environment: Environment) {
  const registry = environment[processSettings.discovery.name] === 'registry' ? registrySettings : {};
  const [settings, ...configs] = loadConfigs(
    [
      { service: '', settings: { ...processSettings, ...registry } },
      ...specs.map((spec) => ({ service: spec.name, settings: settingsOf(spec, environment) })),
    ],
    environment,
  );
  return { config: settings as ProcessConfig, configs };
}

/** Starts services in one process from an environment. Throws a ConfigError that names every wrong setting at once. */
export async function startSystem(
  specs: readonly AnyService[],
  environment: Environment,
  { log }: SystemOptions = {},
): Promise<System> {
  const { config, configs } = readSettings(specs, environment);
  const logger = createLogger({
    level: config.logLevel,
    pretty: config.logFormat === 'pretty',
    fields: logFields,
    ...(log && { write: log }),
  });
  const service = specs.length === 1 && specs[0] ? specs[0].name : 'weft';
  const { otlpMetricsUrl: url, metricsInterval: every } = config;
  const metrics = createMetrics(VERSION, url === '' ? undefined : { service, url, every });
  const tracing = createTracing({
    service,
    version: VERSION,
    ratio: config.traceRatioPercent / 100,
    endpoint: config.otlpEndpoint,
    slowAfter: config.traceSlow,
    meters: metrics.meters,
    onSending(err) {
      if (err) logger.warn({ err }, 'spans are lost: the collector does not take them');
      else logger.warn('spans are taken by the collector again');
    },
  });
  const registry = await registryOf(config, specs, logger);
  const ops = await startOpsServer(config.opsHost, config.opsPort, metrics);
  const buses: Buses = createBuses(
    specs.flatMap(({ name, migrations, publishes = [] }, index) =>
      migrations ? [{ name, publishes, config: configs[index] as BusConfig }] : [],
    ),
    logger,
    (bus) => shareWantedTraces(bus, tracing),
  );
  const verifiers = new Map<string, RenewingVerifier>();
  const shared: SharedParts = {
    logger,
    metrics,
    tracing,
    version: VERSION,
    ops,
    registry,
    local: new LocalServers(),
    identify:
      config.callerIdentity === 'mesh'
        ? meshCallers({ trustDomain: config.meshTrustDomain, namespace: config.meshNamespace })
        : undefined,
    bus: (config) => buses.of(config),
    tokenVerifier: (trust) =>
      shareable(verifiers, JSON.stringify(trust), () => createTokenVerifier({ ...trust, now: Date.now })),
  };
  const services = specs.map((spec, index) => serviceModule(spec, configs[index] as never, shared));
  const pending = async () =>
    Object.fromEntries(await Promise.all(services.map(async (one) => [one.name, await one.pending()] as const)));
  ops.routes.set('/pending', pending);
  ops.routes.set('/status', async () => {
    const found = services.map((one) => one.status());
    return { version: VERSION, pid: process.pid, uptime: Math.round(process.uptime()), services: found };
  });
  ops.onLogLevel((level) => {
    // Told whatever is logged before and after.
    logger.setLevel('warn');
    logger.warn({ logLevel: level }, 'log level changed');
    logger.setLevel(level);
  });
  const renewing = periodic(
    RENEW_KEYS_MS,
    () => allEnded([...verifiers.values()].map((verifier) => verifier.renewKeys())),
    (err) => logger.debug({ err }, 'the keys of access tokens are not renewed; they are asked for again'),
  );
  const release = async () => {
    await renewing.stop();
    await buses.close();
    await registry?.close();
    await Promise.all([ops.stop(), tracing.stop().catch(() => {}), metrics.stop()]);
  };
  const graceMs = Math.max(500, config.stopTimeout - config.drainDelay - 1000);
  try {
    await startModules(services, graceMs);
    ops.started();
    await renewing.start();
    renewing.wake();
  } catch (error) {
    await release();
    throw error;
  }
  return {
    logger,
    opsPort: ops.port,
    ports: Object.fromEntries(services.map((service) => [service.name, service.ports().grpc ?? 0])),
    listeners: Object.fromEntries(
      services.map((service) => {
        const { grpc, ...others } = service.ports();
        return [service.name, others];
      }),
    ),
    pending,
    stopTimeout: config.stopTimeout,
    async stop() {
      await stopModules(services, { drainMs: config.drainDelay, graceMs });
      await release();
    },
  };
}

async function registryOf(
  { registryUrl, registryTtl = 0, natsCaFile, natsCertFile, natsKeyFile }: ProcessConfig,
  specs: readonly AnyService[],
  logger: Logger,
): Promise<Registry | undefined> {
  if (registryUrl === undefined) return undefined;
  const tls = { caFile: natsCaFile, certFile: natsCertFile, keyFile: natsKeyFile };
  const name = specs.map((spec) => spec.name).join('+');
  // Only who uses it pays for loading it.
  const { openRegistry } = await import('../discovery/registry.ts');
  return openRegistry({ url: registryUrl, ...tls, name, logger, ttl: registryTtl, pollEvery: 1_000 });
}

function shareable<T>(made: Map<string, T>, key: string, make: () => T): T {
  const found = made.get(key) ?? make();
  made.set(key, found);
  return found;
}

/** A process of one service, or of several: runs until it is told to stop. */
export async function run(...specs: AnyService[]): Promise<void> {
  await main(() => startSystem(specs, process.env));
}
