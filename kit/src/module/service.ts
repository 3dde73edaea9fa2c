import type { DescService } from '@bufbuild/protobuf';
import type { Meter } from '@opentelemetry/api';
import { type ConfigOf, type Environment, type Settings, setting } from '../config/index.ts';
import { REGISTRY_SCHEME } from '../discovery/resolver.ts';
import type { Bus, ConsumerDefinition, EventContract } from '../events/index.ts';
import type { ClientOf, Dependency, GeneratedService, Observer, ServiceBinding, TokenVerifier } from '../rpc/index.ts';
import type { Database, Migration } from '../store/index.ts';
import type { Logger, Measurement, TraceContext, Tracing } from '../telemetry/index.ts';
import type { OpsRoute } from './ops-server.ts';
import { jetStreamSettings, postgresBusSettings, processSettings, serviceSettings, storeSettings } from './settings.ts';
import type { RunWork } from './work-spans.ts';

/** What every service is handed to build itself from. */
export interface Runtime<S extends Settings> {
  readonly config: ConfigOf<S> & ConfigOf<typeof serviceSettings>;
  readonly bus: Bus;
  readonly logger: Logger;
  /** A client of another service, one channel each; the service must be among `needs`. */
  client<G extends GeneratedService>(service: string, generated: G, descriptor: DescService): ClientOf<G>;
  readonly now: () => Date;
  /** A new UUID, ordered by time. */
  readonly newId: () => string;
  /** Begins a trace, for work that no call and no event asked for. */
  readonly startTrace: () => TraceContext;
  /** Does work that no call waits for, in a context and a span of its own. */
  readonly runWork: RunWork;
  readonly tracing: Tracing;
  /** For what the business counts. Labels are names from the code and the contracts, documented in docs/telemetry.json. */
  readonly meter: Meter;
  /** Gauges that are measured now and then, by what they are of. */
  readonly measurement: (what: string) => Measurement;
  /** What looks on at calls that are served: access log, metrics, spans. */
  readonly observers: readonly Observer[];
  /** Counts the calls that are being served; the gRPC server counts its own. */
  readonly inFlight: { calls: number };
  readonly verifyToken: TokenVerifier;
}

/** What a service with a database is handed. */
export interface ServiceRuntime<S extends Settings, Schema> extends Runtime<S> {
  readonly database: Database<Schema>;
}

/** A port of a service's own. */
export interface Listener {
  /** `grpc` is the port that others call it by. */
  readonly name: string;
  readonly port: number;
  /** Says that it is about to stop, while it goes on answering. */
  announceStop(): void;
  /** Lets what is in hand finish for up to `graceMs`, then cuts it. */
  stop(graceMs: number): Promise<void>;
}

/** Work that goes on by itself. */
export interface Worker {
  start(): Promise<void> | void;
  /** Finishes what it has begun; bounded by the process's stop timeout. */
  stop(): Promise<void>;
  /** Work begun or waiting now; for tests and tools that wait until nothing moves. */
  pending?(): Promise<number>;
}

/** What a service consists of. */
export interface ServiceParts<Schema> {
  /** What it does before it serves, once its database is up to date. */
  readonly open?: () => Promise<void>;
  /** Absent where it has listeners instead. */
  readonly grpc?: readonly ServiceBinding[];
  /** Opens the ports of its own. */
  readonly listen?: () => Promise<readonly Listener[]>;
  readonly consumers?: readonly ConsumerDefinition<Schema>[];
  /** Events that it reads without a consumer. */
  readonly follows?: readonly EventContract[];
  readonly workers?: readonly Worker[];
  /** What else it depends on, by the name that /readyz shows; its database and its bus are known. */
  readonly dependencies?: Readonly<Record<string, Dependency>>;
  /** Added to the process's ops port, by path. */
  readonly routes?: Readonly<Record<string, OpsRoute>>;
}

export interface ServiceSpec<S extends Settings = Settings, Schema = unknown> {
  readonly name: string;
  /** Services that it calls; each gives a setting <NAME>_TARGET. */
  readonly needs: readonly string[];
  readonly settings: S;
  /** Absent where it keeps nothing: it has no database then, publishes nothing and has no consumers. */
  readonly migrations?: readonly Migration[];
  /** The events of its contract. */
  readonly publishes?: readonly EventContract[];
  /** Asks nothing of the database: it may not be there yet, and the service's port waits for this. */
  create(runtime: ServiceRuntime<S, Schema>): Promise<ServiceParts<Schema>> | ServiceParts<Schema>;
}

/** A service that keeps nothing. */
export interface StatelessSpec<S extends Settings = Settings>
  extends Pick<ServiceSpec<S>, 'name' | 'needs' | 'settings'> {
  create(runtime: Runtime<S>): Promise<StatelessParts> | StatelessParts;
}

export type StatelessParts = Omit<ServiceParts<unknown>, 'consumers'>;

// biome-ignore lint/suspicious/noExplicitAny: a list of services has services of any settings and schema
export type AnyService = ServiceSpec<any, any>;

/** Defines a service; nothing runs until a process starts it. */
export function defineService<S extends Settings, Schema>(spec: ServiceSpec<S, Schema>): ServiceSpec<S, Schema> {
  return spec;
}

/** As defineService, for one that keeps nothing. */
export function defineStateless<S extends Settings>(spec: StatelessSpec<S>): ServiceSpec<S> {
  return spec;
}

/** All settings of a service: its own, those of every service and of its bus, and the targets of those it calls. */
export function settingsOf(spec: AnyService, environment: Environment) {
  const registered = environment[processSettings.discovery.name] === 'registry';
  const targets = spec.needs.map((name) => [
    targetKey(name),
    setting.target(`${name.toUpperCase()}_TARGET`, registered ? { fallback: `${REGISTRY_SCHEME}:///${name}` } : {}),
  ]);
  const ownBus = environment[`${spec.name.toUpperCase()}_${jetStreamSettings.natsUrl.name}`];
  const bus = ownBus || environment[jetStreamSettings.natsUrl.name] ? jetStreamSettings : postgresBusSettings;
  const store = spec.migrations ? storeSettings : {};
  return { ...spec.settings, ...serviceSettings, ...store, ...bus, ...(Object.fromEntries(targets) as Settings) };
}

export const targetKey = (service: string): string => `${service}Target`;
