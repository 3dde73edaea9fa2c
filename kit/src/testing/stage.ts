import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createSocket } from 'node:net';
import type { DescService } from '@bufbuild/protobuf';
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

/** What services stand on in a test, and how it speaks to them. */
export interface Stage {
  /** Of the service that the descriptor belongs to. */
  client<G extends GeneratedService>(generated: G, descriptor: DescService, as?: As): Promise<ClientOf<G>>;
  /** host:port of a service. */
  target(service: string): string;
  /** http://host:port of a service's own HTTP listener, where it has one. */
  http(service: string): string;
  /** http://host:port of the ops port of the process that runs a service. */
  ops(service: string): string;
  /** The database of a service, as its administrator. */
  database(service: string): TestDatabase;
  readonly bus: TestDatabase;
  /** A token as users would give it, valid for `seconds`; only where users itself does not run. */
  token(
    user: NonNullable<As['user']>,
    seconds?: number,
    claims?: { readonly issuer?: string; readonly audience?: string },
  ): Promise<string>;
  /** Where the keys of these tokens are. */
  jwksUrl(): string;
}

export interface StageOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** host:port of services that do not run here. */
  readonly targets?: Readonly<Record<string, string>>;
}

export interface Beside {
  readonly environment: Readonly<Record<string, string>>;
  /** http://host:port of its ops port. */
  readonly ops: string;
}

export interface OpenStage {
  readonly stage: Stage;
  /** Settings of a process of services, by one of them. */
  environment(service: string): Readonly<Record<string, string>>;
  /** The same of one more process of the services, on ports of its own: it shares all that they keep and consume, but is not called. */
  beside(services: readonly string[]): Promise<Beside>;
  /** Channels that saw the old server go wait a moment before they connect again. */
  reconnected(): Promise<void>;
  closeClients(): void;
  drop(): Promise<void>;
}

/** Fresh databases, a bus, free ports and an issuer of tokens for services, which run in groups of a process each. */
export async function openStage(
  processes: readonly (readonly string[])[],
  { env = {}, targets = {} }: StageOptions,
): Promise<OpenStage> {
  const names = processes.flat();
  const databases = new Map(await Promise.all(names.map(async (name) => [name, await testDatabase(name)] as const)));
  const bus = await testDatabase('bus');
  const ports = new Map(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const opsPorts = new Map<string, number>();
  for (const process of processes) {
    const port = await freePort();
    for (const name of process) opsPorts.set(name, port);
  }
  const httpPorts = new Map(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const identity = await testIdentity();
  const ops = (service: string) => `http://127.0.0.1:${opsPorts.get(service)}`;
  const perService = names.flatMap((name): [string, string][] => {
    const prefix = name.toUpperCase();
    return [
      [`${prefix}_DATABASE_URL`, databases.get(name)?.url ?? ''],
      [`${prefix}_GRPC_PORT`, String(ports.get(name))],
      [`${prefix}_HTTP_PORT`, String(httpPorts.get(name))],
      [`${prefix}_TARGET`, `127.0.0.1:${ports.get(name)}`],
    ];
  });
  const common = {
    LOG_LEVEL: 'info',
    BUS_DATABASE_URL: bus.url,
    IDENTITY_JWKS_URL: names.includes('users') ? `${ops('users')}/.well-known/jwks.json` : identity.url,
    ...Object.fromEntries(perService),
    ...Object.fromEntries(Object.entries(targets).map(([name, target]) => [`${name.toUpperCase()}_TARGET`, target])),
  };
  const clients: { close: () => void; ready: (withinMs: number) => Promise<void> }[] = [];
  const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });
  const target = (service: string) => `127.0.0.1:${ports.get(service)}`;
  const stage: Stage = {
    target,
    http: (service) => `http://127.0.0.1:${httpPorts.get(service)}`,
    ops,
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
    token: (user, seconds = 600, claims = {}) => identity.token(user, seconds, claims),
    jwksUrl: () => identity.url,
  };
  const environment = (service: string) => ({ ...common, OPS_PORT: String(opsPorts.get(service)), ...env });
  return {
    stage,
    environment,
    async beside(services) {
      const opsPort = await freePort();
      const own: Record<string, string> = { OPS_PORT: String(opsPort) };
      for (const name of services)
        for (const port of ['GRPC_PORT', 'HTTP_PORT']) own[`${name.toUpperCase()}_${port}`] = String(await freePort());
      return { environment: { ...environment(services[0] ?? ''), ...own }, ops: `http://127.0.0.1:${opsPort}` };
    },
    async reconnected() {
      await Promise.all(clients.map((client) => client.ready(10_000)));
    },
    closeClients() {
      for (const client of clients) client.close();
    },
    async drop() {
      await identity.stop();
      await Promise.all([bus, ...databases.values()].map((database) => database.drop()));
    },
  };
}

const PORTS = { first: 15_000, shares: 16, each: 1000 };
const share = PORTS.first + (Number(process.env.JEST_WORKER_ID ?? 0) % PORTS.shares) * PORTS.each;
let given = randomInt(PORTS.each);

/**
 * A port that nobody listens on, not given before: a server that a test starts again finds its port as it left it. From
 * below those that systems give to outgoing connections; each of jest's workers has a share of its own.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS.each; tried++) {
    const port = share + (given++ % PORTS.each);
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
  throw new Error(`no port of ${share} to ${share + PORTS.each - 1} is free`);
}
