import { createHmac } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { createTokenVerifier } from '@weft/kit/rpc';
import { generateKeyPair } from 'jose';
import { callerService } from '../../src/rpc/identity.ts';
import { type Issuer, openIssuer } from './issuer.ts';
import { stage } from './stage.ts';

const { serveOne, client } = stage();
let issuer: Issuer;
beforeEach(async () => {
  issuer = await openIssuer();
});
afterEach(() => issuer.close());

const stock = { stockCode: 'A' };
const seconds = () => Math.floor(Date.now() / 1000);
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = () => ({ iss: 'weft', aud: 'weft', sub: 'user-1', exp: seconds() + 600, roles: ['admin'] });

async function withToken(token: string) {
  const { target } = await serveOne(
    InventoryServiceService,
    InventoryService,
    { getStock: async () => ({ stock: undefined }) },
    { jwksUrl: issuer.url },
  );
  return client(InventoryServiceService, InventoryService, { target, token }).getStock(stock);
}

describe('an access token', () => {
  it('of the issuer is taken', async () => {
    expect(await withToken(await issuer.token(['admin']))).toMatchObject({ stock: undefined });
  });

  it('that has expired is refused as such', async () => {
    const expired = await issuer.token(['admin'], { exp: seconds() - 1 });
    await expect(withToken(expired)).rejects.toMatchObject({ code: status.UNAUTHENTICATED, reason: 'TOKEN_EXPIRED' });
  });

  it.each<[string, () => Promise<string> | string]>([
    ['is no token', () => 'abc'],
    ['has three parts of nothing', () => 'a.b.c'],
    [
      'is signed by another key under the same name',
      async () => {
        const { privateKey } = await generateKeyPair('EdDSA');
        return issuer.token(['admin'], {}, privateKey);
      },
    ],
    ['is of another issuer', () => issuer.token(['admin'], { iss: 'elsewhere' })],
    ['is for another audience', () => issuer.token(['admin'], { aud: 'elsewhere' })],
    ['is not valid yet', () => issuer.token(['admin'], { nbf: seconds() + 3600 })],
    ['has no subject', () => issuer.token(['admin'], { sub: undefined })],
    ['has no end', () => issuer.token(['admin'], { exp: undefined })],
    ['has no roles', () => issuer.token(undefined)],
    ['has roles that are no list', () => issuer.token('admin')],
    ['has roles that are no names', () => issuer.token([{ admin: true }])],
    ['is not signed', () => `${base64({ alg: 'none' })}.${base64(claims())}.`],
    [
      'is signed with the public key as a secret',
      () => {
        const body = `${base64({ alg: 'HS256', kid: 'test' })}.${base64(claims())}`;
        return `${body}.${createHmac('sha256', issuer.spki).update(body).digest('base64url')}`;
      },
    ],
    [
      'was given more rights on its way',
      async () => {
        const [head, , signature] = (await issuer.token(['customer'])).split('.');
        return `${head}.${base64(claims())}.${signature}`;
      },
    ],
  ])('that %s is refused', async (_, make) => {
    await expect(withToken(await make())).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: 'TOKEN_INVALID',
    });
  });

  it.each<[string, () => void | Promise<void>]>([
    ['are not served', () => issuer.serve(500, 'sorry')],
    ['are served as something else', () => issuer.serve(200, '<html>')],
    ['are served empty', () => issuer.serve(200, '{}')],
    ['cannot be reached', () => issuer.close()],
  ])('is nobody’s fault while its keys %s', async (_, breakKeys) => {
    const token = await issuer.token(['admin']);
    await breakKeys();
    await expect(withToken(token)).rejects.toMatchObject({ code: status.UNAVAILABLE, reason: 'KEYS_UNAVAILABLE' });
  });

  it('is verified although who serves the keys does not answer at first', async () => {
    issuer.ignore(2);
    const verify = createTokenVerifier({ jwksUrl: issuer.url, issuer: 'weft', audience: 'weft', now: Date.now });
    expect(await verify(await issuer.token(['support']))).toEqual({ id: 'user-1', roles: ['support'] });
  });

  it('waits for nobody where its keys were renewed before', async () => {
    const verify = createTokenVerifier({ jwksUrl: issuer.url, issuer: 'weft', audience: 'weft', now: Date.now });
    await verify.renewKeys();
    issuer.serve(500, 'sorry');
    expect(await verify(await issuer.token(['support']))).toEqual({ id: 'user-1', roles: ['support'] });
    await expect(verify.renewKeys()).rejects.toThrow();
  });

  it('that passed once needs no keys again, until it expires', async () => {
    let now = Date.now();
    const verify = createTokenVerifier({ jwksUrl: issuer.url, issuer: 'weft', audience: 'weft', now: () => now });
    const token = await issuer.token(['support']);
    await verify(token);
    issuer.serve(500, 'sorry');
    expect(await verify(token)).toEqual({ id: 'user-1', roles: ['support'] });
    now += 601_000;
    await expect(verify(token)).rejects.toMatchObject({ reason: 'TOKEN_EXPIRED' });
  });
});

describe('the name of a calling service', () => {
  const headers = new Metadata();
  headers.set('weft-caller', 'checkout');

  it.each(['127.0.0.1:5000', '127.8.9.10:1', '::1:5000', '[::1]:5000', '::ffff:127.0.0.1:5000'])(
    'is taken from %s',
    (peer) => expect(callerService(headers, { getPeer: () => peer })).toBe('checkout'),
  );

  it.each([
    '10.0.0.1:5000',
    '192.0.2.2:127',
    '::ffff:10.0.0.1:5000',
    '::1:2:5000',
    'fd00::1:5000',
    'fe80::1%eth0:5000',
    '127.0.0.1.evil.example:5000',
    'unknown',
    '',
  ])('is not taken from "%s"', (peer) => expect(callerService(headers, { getPeer: () => peer })).toBeUndefined());

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address && !address.internal && address.family === 'IPv4');

  (outside ? it : it.skip)('is not taken from a caller that comes over the network', async () => {
    const { server } = await serveOne(
      InventoryServiceService,
      InventoryService,
      { commit: async () => ({ reservation: undefined }) },
      { host: '0.0.0.0' },
    );
    const commit = (host: string | undefined) =>
      client(InventoryServiceService, InventoryService, {
        target: `${host}:${server.port}`,
        caller: 'checkout',
      }).commit({
        reservationId: '11111111-1111-4111-8111-111111111111',
      });
    await expect(commit(outside?.address)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    expect(await commit('127.0.0.1')).toMatchObject({ reservation: undefined });
  });
});
