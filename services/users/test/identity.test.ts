import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, refusal } from '@weft/kit/testing';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { openShop, type Shop } from './fixture.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ IDENTITY_ISSUER: 'https://shop.example', IDENTITY_AUDIENCE: 'shop' });
});

afterAll(() => shop.booted.stop());

const servedKeys = async (): Promise<JSONWebKeySet> => {
  const url = `http://127.0.0.1:${shop.booted.system.opsPort}/.well-known/jwks.json`;
  return (await (await fetch(url)).json()) as JSONWebKeySet;
};

describe('an access token', () => {
  it('verifies against the served keys, which hold nothing private', async () => {
    const { userId, token } = await shop.customer('verified');
    const jwks = await servedKeys();
    expect(jwks.keys).toHaveLength(1);
    expect(jwks.keys[0]).not.toHaveProperty('d');
    const expected = { issuer: 'https://shop.example', audience: 'shop', algorithms: ['EdDSA'] };
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), expected);
    expect(payload).toMatchObject({ sub: userId, roles: ['customer'] });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
    expect(payload.jti).toMatch(/^[\da-f-]{36}$/);
    expect(protectedHeader.kid).toBe(jwks.keys[0]?.kid);
  });

  it('says when it expires', async () => {
    await shop.customer('expiring');
    const { accessToken, expireTime } = await shop.login('expiring@people.example');
    const { payload } = await jwtVerify(accessToken, createLocalJWKSet(await servedKeys()));
    expect(expireTime).toMatchObject({ seconds: BigInt(payload.exp ?? 0), nanos: 0 });
  });

  it('that somebody else signed is refused', async () => {
    const { userId } = await shop.customer('forged');
    const [key] = (await servedKeys()).keys;
    const forged = await new SignJWT({ roles: ['admin'] })
      .setProtectedHeader({ alg: 'EdDSA', kid: key?.kid ?? '' })
      .setIssuer('https://shop.example')
      .setAudience('shop')
      .setSubject(userId)
      .setExpirationTime('5 minutes')
      .sign(generateKeyPairSync('ed25519').privateKey);
    const client = await shop.as(forged);
    expect(await refusal(client.getUser({ userId }))).toMatchObject({ reason: 'TOKEN_INVALID' });
  });

  it('still verifies after a restart', async () => {
    const { userId, client } = await shop.customer('patient');
    const before = await servedKeys();
    await shop.booted.restart();
    expect(await servedKeys()).toEqual(before);
    const { user } = await client.getUser({ userId });
    expect(user?.userId).toBe(userId);
  });
});

it('an access token expires', async () => {
  const brief = await openShop({ TOKEN_TTL_SECONDS: '1' });
  try {
    const { userId, client } = await brief.customer('brief');
    let code: number | undefined;
    await eventually(async () => {
      const refused = await refusal(client.getUser({ userId }));
      code = refused.code;
      return refused.reason === 'TOKEN_EXPIRED';
    });
    // UNAUTHENTICATED: 401 at the edge.
    expect(code).toBe(16);
  } finally {
    await brief.booted.stop();
  }
});
