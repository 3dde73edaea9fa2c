import { createServer } from 'node:net';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { type AnyService, startSystem } from '@weft/kit/module';
import { type ClientOf, status } from '@weft/kit/rpc';
import { type Booted, boot, eventually, freePort } from '@weft/kit/testing';
import { service as health } from 'grpc-health-check';
import { tiny, tinyClient } from './tiny-service.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function booted(specs: readonly AnyService[], env: Readonly<Record<string, string>> = {}): Promise<Booted> {
  const system = await boot(specs, { env });
  closing.push(() => system.stop());
  return system;
}

function inventory(system: Booted, service: string): ClientOf<typeof InventoryServiceService> {
  const client = tinyClient(system.target(service));
  closing.push(() => client.close());
  return client;
}

const CONNECTIONS = `SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
const reservation = { reservationId: '11111111-1111-4111-8111-111111111111' };
const ready = async (system: Booted) => {
  const response = await fetch(`http://127.0.0.1:${system.system.opsPort}/readyz`);
  return { status: response.status, body: await response.json() };
};
const metrics = async (system: Booted) => (await fetch(`http://127.0.0.1:${system.system.opsPort}/metrics`)).text();

const environment = async () => ({
  LOG_LEVEL: 'silent',
  OPS_PORT: String(await freePort()),
  GRPC_PORT: '0',
  IDENTITY_JWKS_URL: 'http://127.0.0.1:9/jwks.json',
});

describe('a system', () => {
  it('serves every service on its port, and their routes and metrics on one', async () => {
    const commit = async () => ({ reservation: undefined });
    const system = await booted([tiny('orders', { commit }, { needs: ['stock'] }), tiny('stock', { commit })]);
    await inventory(system, 'orders').commit(reservation);
    await inventory(system, 'stock').commit(reservation);
    expect((await ready(system)).status).toBe(200);
    const route = await fetch(`http://127.0.0.1:${system.system.opsPort}/stock`);
    expect(await route.json()).toEqual({ name: 'stock' });
    const text = await metrics(system);
    expect(text.match(/^# TYPE rpc_server_call_duration histogram$/gm)).toHaveLength(1);
    const counts = text.matchAll(
      /^rpc_server_call_duration_count\{.*rpc_method="weft.inventory.v1.InventoryService\/Commit".*service_name="(\w+)".*\} (\d+)$/gm,
    );
    expect([...counts].map(([, service, count]) => `${service} ${count}`).sort()).toEqual(['orders 1', 'stock 1']);
    const served = system.logs.filter(({ msg }) => msg === 'serving').map(({ service }) => service);
    expect(served).toEqual(['stock', 'orders']);
  });

  it('says how much is logged from now on, in a line that keeps its own severity, however little that is', async () => {
    const system = await booted([tiny('orders')]);
    const levels = ['debug', 'error', 'silent', 'error', 'warn'];
    for (const level of levels)
      await fetch(`http://127.0.0.1:${system.system.opsPort}/log-level?level=${level}`, { method: 'POST' });
    const said = system.logs.filter(({ msg }) => msg === 'log level changed');
    expect(said.map(({ level, logLevel }) => ({ level, logLevel }))).toEqual(
      levels.map((logLevel) => ({ level: 'warn', logLevel })),
    );
  });

  it('says by service what is not done yet', async () => {
    let left = 2;
    const worker = { start() {}, stop: async () => {}, pending: async () => left };
    const system = await booted([tiny('orders', {}, { workers: [worker] }), tiny('stock')]);
    const pending = async () => (await fetch(`${system.ops('stock')}/pending`)).json();
    expect(await pending()).toEqual({ orders: 2, stock: 0 });
    await expect(system.settle(50)).rejects.toThrow('not settled after 50 ms: orders 2');
    left = 0;
    await system.settle(1000);
    expect(await pending()).toEqual({ orders: 0, stock: 0 });
  });

  it('finishes the calls that it has begun before it stops', async () => {
    const entered = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const system = await booted([
      tiny('orders', {
        commit: async () => {
          entered.resolve();
          await finish.promise;
          return { reservation: undefined };
        },
      }),
    ]);
    const call = inventory(system, 'orders').commit(reservation);
    await entered.promise;
    const stopped = system.system.stop();
    await eventually(async () => (await ready(system)).status === 503);
    finish.resolve();
    expect(await call).toMatchObject({ reservation: undefined });
    await stopped;
  });

  it('cuts what does not end, in the time that it has, and lets go of everything', async () => {
    const entered = Promise.withResolvers<void>();
    const stuck = async () => {
      entered.resolve();
      await new Promise<never>(() => {});
      return { reservation: undefined };
    };
    const worker = { start() {}, stop: () => new Promise<never>(() => {}) };
    const system = await booted([tiny('orders', { commit: stuck }, { workers: [worker] })], {
      STOP_TIMEOUT_MS: '2000',
    });
    const call = inventory(system, 'orders').commit(reservation, { timeout: 60_000 });
    call.catch(() => {});
    await entered.promise;
    const began = performance.now();
    await system.system.stop();
    expect(performance.now() - began).toBeLessThan(2000);
    await expect(call).rejects.toMatchObject({ code: expect.any(Number) });
    const late = system.logs.filter(({ msg }) => msg === 'did not stop cleanly').map(({ what }) => what);
    expect(late).toContain('worker');
    await eventually(async () => (await system.database('orders').query(CONNECTIONS)).length === 0);
  });

  it('stops at once while somebody watches its health', async () => {
    const system = await booted([tiny('orders'), tiny('stock')]);
    const { path, requestSerialize, responseDeserialize } = health.Watch as NonNullable<typeof health.Watch>;
    const watches = ['orders', 'stock'].map(async (name) => {
      const client = new Client(system.target(name), credentials.createInsecure());
      closing.push(() => client.close());
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: '' });
      const seen: unknown[] = [];
      call.on('data', (answer) => seen.push(answer));
      const ended = new Promise<ServiceError | undefined>((resolve) => {
        call.on('error', resolve);
        call.on('end', () => resolve(undefined));
      });
      await eventually(() => seen.length === 1);
      return { seen, ended };
    });
    const open = await Promise.all(watches);
    const began = performance.now();
    await system.system.stop();
    expect(performance.now() - began).toBeLessThan(3000);
    for (const { seen, ended } of open) {
      expect(await ended).toBeUndefined();
      expect(seen).toEqual([{ status: 'SERVING' }, { status: 'NOT_SERVING' }]);
    }
  });
});

describe('a system that cannot start', () => {
  const nowhere = 'postgres://weft:sesame@127.0.0.1:9/weft';

  it('names every wrong setting of every service at once', async () => {
    const specs = [tiny('orders', {}, { needs: ['stock'] }), tiny('stock')];
    await expect(startSystem(specs, { ORDERS_GRPC_PORT: 'x', LOG_LEVEL: 'loud' })).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [
        'LOG_LEVEL must be one of debug, info, warn, error, silent (it is "loud")',
        'ORDERS_GRPC_PORT must be a whole number from 0 to 65535 (it is "x")',
        'ORDERS_IDENTITY_JWKS_URL is required',
        'ORDERS_DATABASE_URL is required',
        'ORDERS_BUS_DATABASE_URL is required',
        'ORDERS_STOCK_TARGET is required',
        'STOCK_IDENTITY_JWKS_URL is required',
        'STOCK_DATABASE_URL is required',
        'STOCK_BUS_DATABASE_URL is required',
      ],
    });
  });

  it('wants a broker where one is named, and no database of the bus', async () => {
    const settings = {
      NATS_URL: 'nats://orders:sesame@nats:4222,http://nats:4223',
      NATS_REPLICAS: '9',
      DATABASE_URL: nowhere,
    };
    const jwks = { IDENTITY_JWKS_URL: 'http://127.0.0.1:9/none' };
    await expect(startSystem([tiny('orders')], { ...settings, ...jwks })).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [
        'NATS_URL must be a URL of nats: or tls:',
        'NATS_REPLICAS must be a whole number from 1 to 5 (it is "9")',
      ],
    });
  });

  it('says which service has no database, without its password, and leaves nothing behind', async () => {
    const away = { DATABASE_URL: nowhere, BUS_DATABASE_URL: nowhere, START_WAIT_MS: '500' };
    const settings = { ...(await environment()), ...away };
    const failed = await startSystem([tiny('orders')], settings).catch((error: Error) => error);
    expect(failed).toMatchObject({ message: expect.stringMatching(/^orders: .+/) });
    expect(String((failed as Error).message)).not.toContain('sesame');
    await expect(fetch(`http://127.0.0.1:${settings.OPS_PORT}/livez`)).rejects.toThrow();
  });

  it('says which port is taken, and stops what it had started', async () => {
    const other = await booted([tiny('users')]);
    const taken = await freePort();
    const blocker = createServer().listen(taken, '127.0.0.1');
    closing.push(() => blocker.close());
    const url = other.database('users').url;
    const stock = await freePort();
    const settings = { ...(await environment()), DATABASE_URL: url, BUS_DATABASE_URL: other.bus.url };
    const ports = {
      STOCK_GRPC_PORT: String(stock),
      ORDERS_GRPC_PORT: String(taken),
      ORDERS_STOCK_TARGET: `127.0.0.1:${stock}`,
    };
    const specs = [tiny('orders', {}, { needs: ['stock'] }), tiny('stock')];
    await expect(startSystem(specs, { ...settings, ...ports })).rejects.toThrow(`port ${taken} on 127.0.0.1 is in use`);
    const again = createServer().listen(stock, '127.0.0.1');
    await new Promise((resolve, reject) => again.once('listening', resolve).once('error', reject));
    again.close();
  });
});

describe('a service', () => {
  it('gets a client only of those services that it says it needs', async () => {
    const spec = tiny('orders');
    const careless: AnyService = {
      ...spec,
      create: (runtime) => {
        runtime.client('stock', InventoryServiceService, InventoryService);
        return spec.create(runtime);
      },
    };
    const other = await booted([tiny('users')]);
    const settings = {
      ...(await environment()),
      DATABASE_URL: other.database('users').url,
      BUS_DATABASE_URL: other.bus.url,
    };
    await expect(startSystem([careless], settings)).rejects.toThrow('orders does not say that it needs stock');
  });

  it('whose caller has no right is told so, and it is logged with who called', async () => {
    const system = await booted([tiny('orders')]);
    await expect(inventory(system, 'orders').setStock({ stockCode: 'A', onHand: 1n })).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
    });
    expect(system.logs.filter(({ msg }) => msg === 'call')).toMatchObject([
      { service: 'orders', caller: 'checkout', code: 'UNAUTHENTICATED' },
    ]);
  });
});
