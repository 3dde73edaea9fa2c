import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createSocket } from 'node:net';
import type { DescService } from '@bufbuild/protobuf';
import { type AnyService, type System, startSystem } from '../module/index.ts';
import { type ClientOf, createClient, type GeneratedService, type RoleName } from '../rpc/index.ts';
import { createTracing } from '../telemetry/index.ts';
import { testIdentity } from './identity.ts';
import { type TestDatabase, testDatabase } from './postgres.ts';

/** Who calls: an end user, or a service on its own authority; nobody where neither is given. */
export interface As {
  readonly user?: { readonly id: string; readonly roles: readonly RoleName[] };
  /** An access token instead of a user. */
  readonly token?: string;
  readonly caller?: string;
}

export interface Booted {
  readonly system: System;
  /** Parsed log lines so far. */
  readonly logs: Record<string, unknown>[];
  /** Of the service that the descriptor belongs to. */
  client<G extends GeneratedService>(generated: G, descriptor: DescService, as?: As): Promise<ClientOf<G>>;
  /** host:port of a service. */
  target(service: string): string;
  /** The database of a service, as its administrator. */
  database(service: string): TestDatabase;
  readonly bus: TestDatabase;
  /** A token as users would give it, valid for `seconds`; only where users itself does not run. */
  token(user: NonNullable<As['user']>, seconds?: number): Promise<string>;
  /** Stops the services and starts them again on the same databases and ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface BootOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** host:port of services that do not run here. */
  readonly targets?: Readonly<Record<string, string>>;
}

/** Runs services as they are, with real databases, a real bus and real gRPC over loopback, on fresh databases and free ports. */
export async function boot(
  specs: readonly AnyService[],
  { env = {}, targets = {} }: BootOptions = {},
): Promise<Booted> {
  const names = specs.map(({ name }) => name);
  const databases = new Map(await Promise.all(names.map(async (name) => [name, await testDatabase(name)] as const)));
  const bus = await testDatabase('bus');
  const ports = new Map(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const opsPort = await freePort();
  const identity = await testIdentity();
  const perService = names.flatMap((name): [string, string][] => {
    const prefix = name.toUpperCase();
    return [
      [`${prefix}_DATABASE_URL`, databases.get(name)?.url ?? ''],
      [`${prefix}_GRPC_PORT`, String(ports.get(name))],
      [`${prefix}_TARGET`, `127.0.0.1:${ports.get(name)}`],
    ];
  });
  const environment = {
    LOG_LEVEL: 'info',
    BUS_DATABASE_URL: bus.url,
    OPS_PORT: String(opsPort),
    IDENTITY_JWKS_URL: names.includes('users') ? `http://127.0.0.1:${opsPort}/.well-known/jwks.json` : identity.url,
    ...Object.fromEntries(perService),
    ...Object.fromEntries(Object.entries(targets).map(([name, target]) => [`${name.toUpperCase()}_TARGET`, target])),
    ...env,
  };
  const logs: Record<string, unknown>[] = [];
  const log = (line: string) => void logs.push(JSON.parse(line) as Record<string, unknown>);
  const drop = async () => {
    await identity.stop();
    await Promise.all([bus, ...databases.values()].map((database) => database.drop()));
  };
  let system = await startSystem(specs, environment, { log }).catch(async (error: unknown) => {
    await drop();
    throw error;
  });
  const clients: { close: () => void; ready: (withinMs: number) => Promise<void> }[] = [];
  const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });
  const target = (service: string) => `127.0.0.1:${ports.get(service)}`;
  return {
    get system() {
      return system;
    },
    logs,
    target,
    bus,
    async client(generated, descriptor, { user, token, caller } = {}) {
      const service = descriptor.typeName.split('.')[1] as string;
      const bearer = token ?? (user && (await identity.token(user, 600)));
      const client = createClient(generated, descriptor, {
        target: target(service),
        tracing,
        retries: true,
        ...(caller !== undefined && { caller }),
        ...(bearer !== undefined && { token: bearer }),
      });
      clients.push(client);
      return client;
    },
    database: (service) => databases.get(service) as TestDatabase,
    token: (user, seconds = 600) => identity.token(user, seconds),
    async restart() {
      await system.stop();
      system = await startSystem(specs, environment, { log });
      // Channels that saw the old server go wait a moment before they connect again.
      await Promise.all(clients.map((client) => client.ready(10_000)));
    },
    async stop() {
      for (const client of clients) client.close();
      await system.stop();
      await drop();
    },
  };
}

/** A port that nobody listens on, from below those that systems give to outgoing connections, which might take it again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const socket = createSocket().listen(port, '127.0.0.1');
    const free = await once(socket, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    socket.close();
    await once(socket, 'close');
    return port;
  }
}
