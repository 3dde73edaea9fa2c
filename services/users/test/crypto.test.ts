import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { Bulkhead, TooBusy } from '../src/crypto/bulkhead.ts';
import { createPasswords } from '../src/crypto/passwords.ts';
import { createTokens, newSigningKey, publicKeys, type SigningJwk } from '../src/crypto/tokens.ts';
import { openUser } from '../src/domain/user.ts';

describe('bounded work', () => {
  const held = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { work: () => promise, end: resolve };
  };

  it('runs as many at once as allowed and refuses what would wait beyond the bound', async () => {
    const bulkhead = new Bulkhead({ running: 2, waiting: 1 });
    const works = [held(), held(), held()];
    let started = 0;
    const runs = works.map(({ work }) =>
      bulkhead.run(() => {
        started++;
        return work();
      }),
    );
    await expect(bulkhead.run(async () => {})).rejects.toBeInstanceOf(TooBusy);
    expect(started).toBe(2);
    works[0]?.end();
    await runs[0];
    await turn();
    expect(started).toBe(3);
    for (const { end } of works) end();
    await Promise.all(runs);
    await expect(bulkhead.run(async () => 'free again')).resolves.toBe('free again');
  });

  it('gives up the place of a work that failed', async () => {
    const bulkhead = new Bulkhead({ running: 1, waiting: 0 });
    await expect(bulkhead.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(bulkhead.run(async () => 1)).resolves.toBe(1);
  });

  it('forgets the one that stops waiting', async () => {
    const bulkhead = new Bulkhead({ running: 1, waiting: 1 });
    const first = held();
    const running = bulkhead.run(first.work);
    const leaving = new AbortController();
    const waiting = bulkhead.run(async () => 'ran', leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    const next = bulkhead.run(async () => 'next');
    first.end();
    await running;
    await expect(next).resolves.toBe('next');
    await expect(bulkhead.run(async () => 'ran', leaving.signal)).rejects.toThrow('gone');
  });
});

describe('passwords', () => {
  it('are hashed with argon2id as OWASP asks, each with a salt of its own', async () => {
    const passwords = createPasswords();
    const hashes = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
    for (const hash of hashes) expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(hashes[0]).not.toBe(hashes[1]);
    await expect(passwords.matches(hashes[0], 'correct horse')).resolves.toBe(true);
    await expect(passwords.matches(hashes[0], 'Correct horse')).resolves.toBe(false);
    await expect(passwords.matches(undefined, 'correct horse')).resolves.toBe(false);
  });

  it('of nobody cost as much as a wrong one', async () => {
    const passwords = createPasswords();
    const hash = await passwords.hash('correct horse');
    const cpu = async (of: string | undefined) => {
      const before = process.cpuUsage();
      for (let count = 0; count < 8; count++) await passwords.matches(of, 'wrong');
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    await cpu(hash);
    expect((await cpu(undefined)) / (await cpu(hash))).toBeGreaterThan(0.5);
  });

  it('beyond what can wait are refused', async () => {
    const passwords = createPasswords({ running: 1, waiting: 1 });
    const results = await Promise.allSettled([1, 2, 3, 4].map((n) => passwords.hash(`password ${n}`)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  });
});

describe('access tokens', () => {
  const options = { issuer: 'weft', audience: 'shop', ttlSeconds: 900 };
  const now = new Date('2026-01-02T03:04:05.678Z');
  const signing = (key: SigningJwk) => ({
    signer: async () => ({ keyId: key.kid ?? '', key: await importJWK(key, 'EdDSA') }),
  });
  const ada = openUser({ userId: 'u-1', email: 'ada@example.com', fullName: 'Ada', roles: ['customer', 'admin'] }, now);

  it('carry who, what they may do, for whom and until when, and nothing personal', async () => {
    const key = await newSigningKey();
    const { text, expiresAt } = await createTokens(signing(key), options).issue(ada, 'token-1', now);
    const issued = Math.floor(now.getTime() / 1000);
    expect(decodeProtectedHeader(text)).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: key.kid });
    expect(decodeJwt(text)).toEqual({
      iss: 'weft',
      aud: 'shop',
      sub: 'u-1',
      roles: ['customer', 'admin'],
      iat: issued,
      exp: issued + 900,
      jti: 'token-1',
    });
    expect(expiresAt).toEqual(new Date((issued + 900) * 1000));
  });

  it('verify with the public keys, which cannot sign', async () => {
    const [key, older] = [await newSigningKey(), await newSigningKey()];
    const { text } = await createTokens(signing(key), options).issue(ada, 'token-1', now);
    const jwks = publicKeys([key, older]);
    for (const one of jwks.keys) expect(Object.keys(one).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    const verify = { issuer: 'weft', audience: 'shop', algorithms: ['EdDSA'], currentDate: now };
    const local = createLocalJWKSet({ keys: [...jwks.keys] });
    await expect(jwtVerify(text, local, verify)).resolves.toMatchObject({ payload: { sub: 'u-1' } });
    const others = createLocalJWKSet({ keys: [...publicKeys([older]).keys] });
    await expect(jwtVerify(text, others, verify)).rejects.toThrow();
  });
});
