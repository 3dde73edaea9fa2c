import { randomUUIDv7 } from 'node:crypto';
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { DomainError } from '../failure/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Dependency } from './dependencies.ts';
import { outcomeOf, statusOf } from './errors.ts';
import { createHealth, type HealthState } from './health.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import { LocalServer, type LocalServers } from './local-calls.ts';
import type { MethodConcerns } from './method.ts';
import { addReflection } from './reflection.ts';
import { releaseCalls } from './release-calls.ts';
import { type Ending, serveUnary } from './server-call.ts';
import type { ServiceBinding } from './service.ts';

// What the library writes to standard error is thrown or answered as well, in our own words.
if (!process.env.GRPC_VERBOSITY) setLogVerbosity(logVerbosity.NONE);

const MAX_CONNECTION_AGE_MS = 30 * 60_000;

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly services: readonly ServiceBinding[];
  readonly concerns: Omit<MethodConcerns, 'draining'>;
  readonly checks: Readonly<Record<string, Dependency>>;
  /** Where clients of this process find it. */
  readonly local?: LocalServers | undefined;
  readonly logger: Logger;
}

export interface GrpcServer {
  readonly port: number;
  health(): HealthState;
  /** Begins to serve: until then health says NOT_SERVING, and every call is refused as UNAVAILABLE (STARTING). */
  serve(): Promise<void>;
  /** Says NOT_SERVING while it goes on answering. */
  announceStop(): void;
  /** Ends streams, lets calls finish for up to `graceMs`, then cuts them. */
  stop(graceMs: number): Promise<void>;
}

/** Binds the port and composes every method. Throws one clear line when the port cannot be had. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  releaseCalls();
  const { host, services, concerns, checks, logger } = options;
  const draining = new AbortController();
  const bound = services.map((service) => service.bind({ ...concerns, draining: draining.signal }));
  const paths = new Set(bound.flatMap(({ definition }) => Object.values(definition).map(({ path }) => path)));
  let begun = false;
  const refusal = (path: string) => (begun || !paths.has(path) ? undefined : starting(concerns.service));
  const server = new Server({
    interceptors: [serveUnary(new Map(bound.flatMap(({ unary }) => [...unary])), refusal)],
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_connection_age_ms': MAX_CONNECTION_AGE_MS,
    'grpc.max_connection_age_grace_ms': 60_000,
    'grpc.max_concurrent_streams': 1000,
    // Nobody reads it, and it costs each call.
    'grpc.enable_channelz': 0,
  });
  for (const { definition, implementation } of bound) server.addService(definition, implementation);
  const descriptors = services.map(({ descriptor }) => descriptor);
  const health = createHealth(
    descriptors.map((one) => one.typeName),
    checks,
    logger,
  );
  health.addTo(server);
  addReflection(server, descriptors);
  const port = await bind(server, host, options.port);
  const local = new LocalServer({ host, port }, bound, refusal);
  const takeBack = options.local?.add(local);
  return {
    port,
    health: () => health.state(),
    async serve() {
      begun = true;
      await health.start();
    },
    announceStop: () => health.stop(),
    async stop(graceMs) {
      health.stop();
      health.endWatches();
      draining.abort();
      takeBack?.();
      const cut = setTimeout(() => {
        server.forceShutdown();
        local.cut();
      }, graceMs);
      await Promise.all([new Promise<void>((resolve) => server.tryShutdown(() => resolve())), local.idle()]);
      clearTimeout(cut);
    },
  };
}

function starting(service: string): Ending {
  const early = new DomainError('unavailable', 'STARTING', 'the service is starting');
  return statusOf(outcomeOf(early), `${service}.weft`, randomUUIDv7());
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (!error) return resolve(bound);
      const taken = error.message.includes('EADDRINUSE');
      reject(
        new Error(taken ? `port ${port} on ${host} is in use` : `cannot listen on ${host}:${port}: ${error.message}`),
      );
    });
  });
}
