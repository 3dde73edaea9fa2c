import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { SigningKeyRotated } from '@weft/gen/grpc/weft/users/v1/events';
import { SigningKeyState, UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { type System, startSystem } from '@weft/kit/module';
import { createClient, createTokenVerifier } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { eventually, refusal, type TestDatabase, testDatabase } from '@weft/kit/testing';
import { decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import { isRotationDue, outlived, signerOf, stateOf } from '../src/domain/signing-key.ts';
import { users } from '../src/module.ts';
import { ADMIN, openShop, type Shop } from './fixture.ts';

const { SIGNING_KEY_STATE_NEXT: NEXT, SIGNING_KEY_STATE_CURRENT: CURRENT } = SigningKeyState;

describe('signing keys', () => {
  const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000);
  const key = (keyId: string, signsFrom: Date) => ({ keyId, createdAt: at(0), signsFrom });
  const keys = [key('new', at(60)), key('old', at(0))] as const;
  const times = { leadMs: 300_000, rotateEveryMs: 3_600_000, tokenMs: 900_000 };

  it('sign from their time on, and the one before until then', () => {
    expect(signerOf(keys, at(59)).keyId).toBe('old');
    expect(signerOf(keys, at(60)).keyId).toBe('new');
    expect(keys.map((one) => stateOf(one, keys, at(59)))).toEqual(['next', 'current']);
    expect(keys.map((one) => stateOf(one, keys, at(60)))).toEqual(['current', 'previous']);
    expect(signerOf([keys[0]], at(1)).keyId).toBe('new');
  });

  it('are published ahead of the time at which the one before is old', () => {
    expect(isRotationDue(keys[1], times, at(54))).toBe(false);
    expect(isRotationDue(keys[1], times, at(55))).toBe(true);
    expect(isRotationDue(keys[1], { ...times, rotateEveryMs: 0 }, at(1e6))).toBe(false);
  });

  it('verify until the last token that they signed has expired', () => {
    expect(outlived(keys, times, at(75))).toEqual([]);
    expect(outlived(keys, times, at(76.1)).map(({ keyId }) => keyId)).toEqual(['old']);
    expect(outlived([keys[0]], times, at(1e6))).toEqual([]);
  });
});

const kidOf = (token: string) => decodeProtectedHeader(token).kid;
const publishedAt = async (ops: string) => {
  const jwks = (await (await fetch(`${ops}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  return jwks.keys.map(({ kid }) => kid);
};

describe('a rotation by an administrator', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await openShop({ USERS_KEY_LEAD_SECONDS: '2' });
  });

  afterAll(() => shop.booted.stop());

  it('publishes the next key, then signs with it, and what the one before signed is still accepted', async () => {
    const { userId, client: before, token } = await shop.customer('rotated');
    const { signingKey: next } = await shop.admin.rotateSigningKey({});
    expect(next).toMatchObject({ state: NEXT });
    expect((await shop.admin.rotateSigningKey({})).signingKey).toEqual(next);
    const { signingKeys } = await shop.admin.listSigningKeys({});
    expect(signingKeys.map(({ state }) => state)).toEqual([NEXT, CURRENT]);
    expect(JSON.stringify(signingKeys, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
      /"(d|x|jwk)"/,
    );
    expect(await publishedAt(shop.booted.ops('users'))).toEqual(signingKeys.map(({ keyId }) => keyId));
    const early = await shop.login('rotated@people.example');
    expect(kidOf(early.accessToken)).toBe(kidOf(token));

    // Whoever verifies here has had the old keys from before on.
    const late = await eventually(async () => {
      const login = await shop.login('rotated@people.example');
      return kidOf(login.accessToken) === next?.keyId ? login : Promise.reject(new Error('signed with the key before'));
    });
    const after = await shop.as(late.accessToken);
    expect((await after.getUser({ userId })).user?.userId).toBe(userId);
    expect((await before.getUser({ userId })).user?.userId).toBe(userId);
    await shop.booted.settle(10_000);
    const told = await shop.booted.bus.query<{ payload: Buffer }>(
      `SELECT payload FROM bus.message WHERE type = 'weft.users.v1.signing_key_rotated'`,
    );
    expect(told.map(({ payload }) => SigningKeyRotated.decode(payload).keyId)).toEqual([next?.keyId]);
  });

  it('is for administrators', async () => {
    const { client } = await shop.customer('locksmith');
    expect(await refusal(client.rotateSigningKey({}))).toMatchObject({ reason: 'NOT_ALLOWED' });
    expect(await refusal(client.listSigningKeys({}))).toMatchObject({ reason: 'NOT_ALLOWED' });
    expect(await refusal(shop.anybody.rotateSigningKey({}))).toMatchObject({ reason: 'TOKEN_REQUIRED' });
  });
});

describe('two processes', () => {
  let databases: TestDatabase[];
  let systems: System[];
  const clients: { close: () => void }[] = [];

  beforeEach(async () => {
    databases = await Promise.all([testDatabase('users'), testDatabase('bus')]);
    const environment = {
      LOG_LEVEL: 'silent',
      OPS_PORT: '0',
      GRPC_PORT: '0',
      USERS_DATABASE_URL: databases[0]?.url ?? '',
      BUS_DATABASE_URL: databases[1]?.url ?? '',
      IDENTITY_JWKS_URL: 'http://127.0.0.1:9/never-asked',
      USERS_ADMIN_EMAIL: ADMIN.email,
      USERS_ADMIN_PASSWORD: ADMIN.password,
      USERS_KEY_LEAD_SECONDS: '2',
    };
    systems = [await startSystem([users], environment)];
    const ops = `http://127.0.0.1:${systems[0]?.opsPort}/.well-known/jwks.json`;
    systems.push(await startSystem([users], { ...environment, IDENTITY_JWKS_URL: ops }));
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(systems.map((system) => system.stop()));
    await Promise.all(databases.map((database) => database.drop()));
  });

  const clientOf = (system: System | undefined, token?: string) => {
    const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });
    const target = `127.0.0.1:${system?.ports.users}`;
    const client = createClient(UsersServiceService, UsersService, {
      target,
      tracing,
      retries: false,
      ...(token !== undefined && { token }),
    });
    clients.push(client);
    return client;
  };

  it('see each other’s rotation and never sign with a key that the other does not publish', async () => {
    const [one, two] = systems;
    const { accessToken } = await clientOf(one).login(ADMIN);
    const { signingKey } = await clientOf(two, accessToken).rotateSigningKey({});
    const signedWith = async () => kidOf((await clientOf(one).login(ADMIN)).accessToken);
    const publishedByBoth = async () =>
      Promise.all(systems.map(({ opsPort }) => publishedAt(`http://127.0.0.1:${opsPort}`)));
    await eventually(async () => {
      const kid = await signedWith();
      for (const published of await publishedByBoth()) expect(published).toContain(kid);
      return kid === signingKey?.keyId;
    });
    const [first, second] = await publishedByBoth();
    expect(first).toEqual(second);
  });

  it('that rotate at the same time make one key', async () => {
    const [one, two] = systems;
    const { accessToken } = await clientOf(one).login(ADMIN);
    // Only the first verifies its own tokens here; both ask the second, which trusts the first’s keys.
    const admin = clientOf(two, accessToken);
    const rotated = await Promise.all([admin.rotateSigningKey({}), admin.rotateSigningKey({})]);
    expect(rotated[0]).toEqual(rotated[1]);
    expect((await admin.listSigningKeys({})).signingKeys).toHaveLength(2);
  });

  it('exchange one refresh token once, whichever is asked', async () => {
    const [one, two] = systems;
    const { refreshToken } = await clientOf(one).login(ADMIN);
    const exchange = (system: System | undefined, idempotencyKey: string) =>
      clientOf(system).refreshToken({ refreshToken, idempotencyKey });
    const key = randomUUID();
    const [here, there] = await Promise.all([exchange(one, key), exchange(two, key)]);
    expect(here.refreshToken).toBe(there.refreshToken);
    expect(await refusal(exchange(two, randomUUID()))).toMatchObject({ reason: 'REFRESH_TOKEN_INVALID' });
  });
});

it('keys are rotated by time, and those that no token needs are removed', async () => {
  const shop = await openShop({ USERS_KEY_LEAD_SECONDS: '1', USERS_KEY_ROTATION_HOURS: '1' });
  try {
    const database = shop.booted.database('users');
    const [first] = await publishedAt(shop.booted.ops('users'));
    await database.query(`UPDATE signing_key SET signs_from = now() - interval '1 hour'`);
    const [second] = await eventually(async () => {
      const kids = await publishedAt(shop.booted.ops('users'));
      expect(kids).toHaveLength(2);
      return kids;
    });
    expect(second).not.toBe(first);
    await database.query(`UPDATE signing_key SET signs_from = now() - interval '17 minutes' WHERE number = 2`);
    await eventually(async () => (await publishedAt(shop.booted.ops('users'))).join() === second);
  } finally {
    await shop.booted.stop();
  }
});

it('a verifier reads a new key at once, and is not made to read by keys that nobody has', async () => {
  const shop = await openShop({ USERS_KEY_LEAD_SECONDS: '1' });
  let asked = 0;
  const jwks = createServer((_, response) => {
    asked++;
    fetch(`${shop.booted.ops('users')}/.well-known/jwks.json`)
      .then((answer) => answer.text())
      .then((text) => response.setHeader('content-type', 'application/json').end(text))
      .catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  try {
    await eventually(() => jwks.listening);
    const jwksUrl = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks.json`;
    const verify = createTokenVerifier({ jwksUrl, issuer: 'weft', audience: 'weft', now: Date.now });
    const { token } = await shop.customer('verified');
    await verify(token);
    expect(asked).toBe(1);
    const { signingKey } = await shop.admin.rotateSigningKey({});
    const { accessToken } = await eventually(async () => {
      const login = await shop.login('verified@people.example');
      return kidOf(login.accessToken) === signingKey?.keyId
        ? login
        : Promise.reject(new Error('signed with the key before'));
    });
    await verify(accessToken);
    expect(asked).toBe(2);
    const [head = '', ...rest] = accessToken.split('.');
    const forge = (kid: string) => {
      const header = { ...JSON.parse(Buffer.from(head, 'base64url').toString()), kid };
      return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.');
    };
    const started = performance.now();
    const forged = Array.from({ length: 500 }, (_, count) =>
      Promise.resolve(verify(forge(createHash('sha256').update(String(count)).digest('base64url')))),
    );
    const refused = await Promise.allSettled(forged);
    const seconds = (performance.now() - started) / 1000;
    expect(refused.every(({ status }) => status === 'rejected')).toBe(true);
    expect(asked - 2).toBeLessThanOrEqual(1 + seconds);
  } finally {
    jwks.close();
    jwks.closeAllConnections();
    await shop.booted.stop();
  }
});
