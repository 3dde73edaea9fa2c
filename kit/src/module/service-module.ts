import { randomUUIDv7 } from 'node:crypto';
import { auditTrail, callAuditedType } from '../audit/index.ts';
import type { ConfigOf } from '../config/index.ts';
import type { Registration, Registry } from '../discovery/index.ts';
import {
  type Bus,
  type Consumer,
  type EventMeta,
  type GivenUp,
  type RegisteredSchema,
  startConsumer,
} from '../events/index.ts';
import {
  accessLog,
  type CallerIdentity,
  callMetrics,
  callSpans,
  type Dependency,
  type HealthState,
  type LocalServers,
  type MethodConcerns,
  type ServiceBinding,
  startGrpcServer,
  type TokenOptions,
  type TokenVerifier,
  watchDependencies,
} from '../rpc/index.ts';
import { type OutgoingEvent, startPurge, startRelay } from '../store/index.ts';
import type { Logger, Metrics, Tracing } from '../telemetry/index.ts';
import { within } from '../time/index.ts';
import { advertisedHost } from './advertised-host.ts';
import type { BusConfig } from './buses.ts';
import { eventOperations } from './event-operations.ts';
import { countdown, type Module } from './module.ts';
import { openStore, type Store, type StoreConfig } from './open-store.ts';
import type { OpsServer } from './ops-server.ts';
import { registerEvents, registerOnceAvailable, typesOf } from './register-events.ts';
import type { AnyService, Listener, Runtime, ServiceParts } from './service.ts';
import { clientsOf } from './service-clients.ts';
import { serviceMetrics } from './service-metrics.ts';
import type { serviceSettings } from './settings.ts';
import { whenAvailable } from './when-available.ts';
import { consumerSpan, workSpans } from './work-spans.ts';

/** What the services of one process share. */
export interface SharedParts {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly version: string;
  readonly ops: OpsServer;
  /** Where services find each other; undefined where their settings say so. */
  readonly registry: Registry | undefined;
  /** Where they find each other's servers, which they call without a connection. */
  readonly local: LocalServers;
  /** Undefined where no mesh proves who calls. */
  readonly identify: CallerIdentity | undefined;
  /** The bus that a service's settings name: one for all services that use it, closed by the process. */
  bus(config: BusConfig): Promise<Bus>;
  /** One for all services that trust the same issuer: a token is verified once a process. */
  tokenVerifier(trust: Omit<TokenOptions, 'now'>): TokenVerifier;
}

export interface RunningService extends Module {
  /** By name of the listener; `grpc` is the one that others call. */
  ports(): Readonly<Record<string, number>>;
  /** Events not yet published, deliveries not yet handled, work of its own that has not ended. */
  pending(): Promise<number>;
  /** What it is, how it is, and what it has to do. */
  status(): object;
}

type ServiceConfig = ConfigOf<typeof serviceSettings> & BusConfig & Readonly<Record<string, unknown>>;
type Concerns = Omit<MethodConcerns, 'draining'>;

/**
 * A service as a module: clients, listeners, database and bus, workers and consumers, in this order. It listens at once, and
 * refuses calls until all of them are there.
 */
export function serviceModule(spec: AnyService, config: ServiceConfig, shared: SharedParts): RunningService {
  const logger = shared.logger.child({ service: spec.name });
  const tracing = shared.tracing.of(spec.name);
  const work = workSpans(tracing);
  const metrics = serviceMetrics(shared.metrics.meter, spec.name, logger);
  // Who records nothing makes no spans.
  const told = [
    callMetrics(shared.metrics, spec.name, shared.version),
    ...(tracing.active ? [callSpans(tracing)] : []),
  ];
  const stops: { readonly what: string; readonly stop: (graceMs: number) => Promise<unknown> | unknown }[] = [];
  const onStop = (what: string, stop: (graceMs: number) => Promise<unknown> | unknown) => stops.unshift({ what, stop });
  let registration: Registration | undefined;
  let listeners: readonly Listener[] = [];
  let pending: () => Promise<number> = async () => 0;
  let stopping = false;
  let readiness: () => object = () => ({ serving: false });

  async function startStoring(
    parts: ServiceParts<unknown>,
    bus: Bus,
    database: Store['database'],
    known: readonly RegisteredSchema[],
  ) {
    await whenAvailable((config as ServiceConfig & StoreConfig).startWait, logger, () =>
      registerEvents(spec, parts, bus, known),
    );
    database.onPublished((events) => metrics.published(events.map(({ type }) => type)));
    metrics.observePool(database);
    metrics.publishes([...typesOf(spec), callAuditedType(spec.name)]);
    const heard = (parts.consumers ?? []).flatMap(({ subscriptions }) => subscriptions.map(({ type }) => type));
    return {
      purge: startPurge(database, { keptSince: () => bus.keptSince(heard) }),
      relay: startRelay({ db: database, bus, logger, onLag: metrics.onLag }),
    };
  }

  /** The port that every service has, or those of its own; gives what its readiness is. */
  async function listen(parts: ServiceParts<unknown>, bindings: readonly ServiceBinding[], opened: Opened) {
    const { concerns, checks: known } = opened;
    const grpc: Listener[] = [];
    let health: () => HealthState;
    let serve: () => Promise<void>;
    if (parts.grpc) {
      const { grpcHost: host, grpcPort: port } = config;
      const services = [...parts.grpc, ...bindings];
      const checks = { ...known, ...parts.dependencies };
      const server = await startGrpcServer({ host, port, services, concerns, checks, local: shared.local, logger });
      onStop('grpc', (graceMs) => server.stop(graceMs));
      grpc.push({ name: 'grpc', ...server });
      health = server.health;
      serve = server.serve;
    } else {
      let well = false;
      const dependencies = watchDependencies(parts.dependencies ?? {}, logger, (now) => {
        well = now;
      });
      onStop('dependencies', () => dependencies.stop());
      health = () => ({ serving: well && !stopping, dependencies: dependencies.state() });
      serve = dependencies.start;
    }
    const own = (await parts.listen?.()) ?? [];
    for (const listener of own) onStop(listener.name, (graceMs) => listener.stop(graceMs));
    listeners = [...grpc, ...own];
    return { health, serve };
  }

  return {
    name: spec.name,
    needs: spec.needs,
    ports: () => portsOf(listeners),
    pending: () => pending(),
    answered: () => metrics.figures().calls,
    status: () => ({ name: spec.name, ports: portsOf(listeners), ...readiness(), ...metrics.figures() }),
    async start() {
      const bus = await shared.bus(config);
      const store = spec.migrations && openStore(spec, config as ServiceConfig & StoreConfig, bus, tracing, logger);
      const database = store?.database;
      if (database) onStop('database', (graceMs) => database.close(graceMs));
      // Who keeps nothing has no outbox: what it refuses is told as long as the bus takes it.
      const save = database
        ? (events: readonly OutgoingEvent[]) => database.transaction(async (tx) => tx.publish(...events))
        : (events: readonly OutgoingEvent[]) => bus.publish(events);
      const audit = auditTrail({ service: spec.name, save, logger, now: Date.now });
      onStop('audit', () => audit.stop());
      onStop('metrics', () => metrics.stop());
      const observers = [accessLog(logger), ...told, audit.observe, metrics.observe];
      const clients = clientsOf(spec, config, shared, tracing, told);
      onStop('clients', () => clients.close());
      const { jwksUrl, issuer, audience, oidcIssuer, algorithm, rolesClaim } = config;
      const verifyToken = shared.tokenVerifier({ jwksUrl, issuer, audience, oidcIssuer, algorithm, rolesClaim });
      const runtime: Runtime<never> = {
        config: config as never,
        bus,
        logger,
        client: clients.client,
        now: () => new Date(),
        newId: () => randomUUIDv7(),
        startTrace: () => tracing.start(),
        runWork: work.run,
        tracing,
        meter: shared.metrics.meter,
        measurement: metrics.measurement,
        observers,
        inFlight: metrics.inFlight,
        verifyToken,
      };
      const parts: ServiceParts<unknown> = await spec.create({ ...runtime, database } as never);
      const consumers = new Map<string, Consumer>();
      const operations = eventOperations({ bus, publishes: typesOf(spec), consumers, now: Date.now });
      const { identify } = shared;
      const watching = { inFlight: metrics.inFlight, audit: audit.operation };
      const whom = { service: spec.name, verifyToken, ...(identify && { identify }) };
      // These end after the listeners, whose last calls have something to publish, and begin after them.
      let storing: Awaited<ReturnType<typeof startStoring>> | undefined;
      let endRegistering: (() => Promise<void>) | undefined;
      onStop('purge', () => storing?.purge.stop());
      onStop('relay', (graceMs) => storing?.relay.stop(graceMs));
      onStop('registration', () => endRegistering?.());
      const { health, serve } = await listen(parts, [operations], {
        concerns: { ...whom, ...watching, tracing, observers, now: Date.now },
        checks: {
          ...(database && { database: () => database.check() }),
          // It goes on without: the outbox keeps its events, and what it hears waits for it.
          bus: { check: () => bus.check(), optional: true },
        },
      });
      const known = await store?.ready();
      await parts.open?.();
      if (database && known) storing = await startStoring(parts, bus, database, known);
      else endRegistering = registerOnceAvailable(spec, parts, bus, logger);
      const workers = parts.workers ?? [];
      for (const worker of workers) {
        await worker.start();
        onStop('worker', () => worker.stop());
      }
      const span = consumerSpan(work);
      const around = (meta: EventMeta, next: () => Promise<void>) => span(meta, () => metrics.delivery(meta, next));
      for (const consumer of (database && parts.consumers) ?? []) {
        const onGivenUp = (cause: GivenUp) => metrics.givenUp(consumer.name, cause);
        const started = startConsumer(bus, database as Store['database'], consumer, { logger, around, onGivenUp });
        onStop(`consumer ${consumer.name}`, () => started.stop());
        consumers.set(consumer.name, started);
      }
      const measuring = metrics.watch(consumers, workers, bus);
      await measuring.start();
      onStop('measuring', () => measuring.stop());
      pending = async () => {
        const counts = [
          storing?.relay.backlog() ?? 0,
          ...[...consumers.values()].map((one) => one.lag()),
          ...workers.map((one) => one.pending?.() ?? 0),
        ];
        return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
      };
      for (const [path, route] of Object.entries(parts.routes ?? {})) shared.ops.routes.set(path, route);
      readiness = health;
      metrics.observeHealth(health);
      shared.ops.health.set(spec.name, health);
      await serve();
      const ports = this.ports();
      if (ports.grpc !== undefined) {
        registration = await shared.registry?.register(spec.name, `${advertisedHost(config)}:${ports.grpc}`);
      }
      logger.info({ ports }, 'serving');
    },
    announceStop() {
      stopping = true;
      void registration?.deregister();
      for (const listener of listeners) listener.announceStop();
    },
    async stop(graceMs) {
      const left = countdown(graceMs);
      await registration?.deregister();
      for (const { what, stop } of stops.splice(0)) {
        try {
          await inTime(left() + LATE_MS, stop(left()));
        } catch (error) {
          logger.error({ err: error, what }, 'did not stop cleanly');
        }
      }
    },
  };
}

const portsOf = (listeners: readonly Listener[]) => Object.fromEntries(listeners.map(({ name, port }) => [name, port]));

interface Opened {
  readonly concerns: Concerns;
  readonly checks: Readonly<Record<string, Dependency>>;
}

const LATE_MS = 50;

/** Waits no longer for what ought to have stopped: the rest has to let go as well before the process is cut off. */
async function inTime(ms: number, stopping: Promise<unknown> | unknown): Promise<void> {
  await within(ms, Promise.resolve(stopping), () => {
    throw new Error(`still running after ${Math.round(ms)} ms`);
  });
}
