import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { Role } from '@weft/gen/grpc/weft/policy/v1/policy';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { ConfigError } from '@weft/kit/config';
import { type System, startSystem } from '@weft/kit/module';
import { createClient } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { refusal, type TestDatabase, testDatabase } from '@weft/kit/testing';
import { users } from '../src/module.ts';
import { ADMIN, PASSWORD } from './fixture.ts';

let databases: TestDatabase[];
let environment: Record<string, string>;
const running = new Set<System>();

beforeEach(async () => {
  databases = await Promise.all([testDatabase('users'), testDatabase('bus')]);
  const [own, bus] = databases;
  environment = {
    LOG_LEVEL: 'silent',
    OPS_PORT: '0',
    GRPC_PORT: '0',
    USERS_DATABASE_URL: own?.url ?? '',
    BUS_DATABASE_URL: bus?.url ?? '',
    IDENTITY_JWKS_URL: 'http://127.0.0.1:9/never-asked',
  };
});

afterEach(async () => {
  await Promise.all([...running].map(stop));
  await Promise.all(databases.map((database) => database.drop()));
});

async function start(admin?: { email: string; password: string }): Promise<System> {
  const more = admin && { ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password };
  const system = await startSystem([users], { ...environment, ...more });
  running.add(system);
  return system;
}

async function stop(system: System): Promise<void> {
  running.delete(system);
  await system.stop();
}

async function login({ ports }: System, email: string, password: string) {
  const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });
  const target = `127.0.0.1:${ports.users}`;
  const client = createClient(UsersServiceService, UsersService, { target, tracing, retries: false });
  try {
    return (await client.login({ email, password })).user;
  } finally {
    client.close();
  }
}

describe('starting', () => {
  it('twice at the same time agrees on one key and one administrator', async () => {
    const systems = await Promise.all([start(ADMIN), start(ADMIN)]);
    const served = systems.map(async ({ opsPort }) => {
      const response = await fetch(`http://127.0.0.1:${opsPort}/.well-known/jwks.json`);
      return (await response.json()) as unknown;
    });
    const [one, two] = await Promise.all(served);
    expect(one).toMatchObject({ keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' }] });
    expect(one).toEqual(two);
    const [first, second] = await Promise.all(systems.map((system) => login(system, ADMIN.email, ADMIN.password)));
    expect(first).toMatchObject({ roles: [Role.ROLE_ADMIN], version: 1n });
    expect(first).toEqual(second);
  });

  it('again changes nothing about the administrator', async () => {
    await stop(await start(ADMIN));
    const system = await start({ ...ADMIN, email: ADMIN.email.toUpperCase() });
    expect(await login(system, ADMIN.email, ADMIN.password)).toMatchObject({ email: ADMIN.email, version: 1n });
  });

  it('with another password replaces the administrator’s', async () => {
    const before = await start(ADMIN);
    const standing = await login(before, ADMIN.email, ADMIN.password);
    await stop(before);
    const system = await start({ ...ADMIN, password: 'the boss is out' });
    const after = await login(system, ADMIN.email, 'the boss is out');
    expect(after).toMatchObject({ userId: standing?.userId, version: 2n });
    expect(await refusal(login(system, ADMIN.email, ADMIN.password))).toMatchObject({ reason: 'BAD_CREDENTIALS' });
  });

  it('makes an administrator of a customer who has the address', async () => {
    const before = await start();
    const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });
    const target = `127.0.0.1:${before.ports.users}`;
    const client = createClient(UsersServiceService, UsersService, { target, tracing, retries: false });
    const { user } = await client.register({ email: 'Boss@Shop.example', fullName: 'The Boss', password: PASSWORD });
    client.close();
    await stop(before);
    const system = await start(ADMIN);
    expect(await login(system, ADMIN.email, ADMIN.password)).toMatchObject({
      userId: user?.userId,
      fullName: 'The Boss',
      roles: [Role.ROLE_CUSTOMER, Role.ROLE_ADMIN],
    });
  });

  it.each([
    ['an address without a password', { ADMIN_EMAIL: ADMIN.email }, 'USERS_ADMIN_PASSWORD'],
    ['a password without an address', { ADMIN_PASSWORD: ADMIN.password }, 'USERS_ADMIN_EMAIL'],
    ['an address that is none', { ADMIN_EMAIL: 'the-boss', ADMIN_PASSWORD: ADMIN.password }, 'ADMIN_EMAIL'],
    ['a short password', { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: 'short-1' }, 'ADMIN_PASSWORD'],
  ])('is refused with %s, which is not shown', async (_, admin, setting) => {
    const refused = await startSystem([users], { ...environment, ...admin }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConfigError);
    const { problems } = refused as ConfigError;
    expect(problems).toEqual([expect.stringContaining(setting)]);
    for (const secret of Object.values(admin)) expect(problems.join()).not.toContain(secret);
  });
});
