import { generateKeyPairSync } from 'node:crypto';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ErrorInfoSchema } from '@weft/gen/es/google/rpc/error_details_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { createLocalJWKSet, exportSPKI, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, MALLORY, ORDER_ID, order } from './stubs.ts';

let edge: Edge;
let served = 0;
const asked: { user: string | undefined; caller: string | undefined; customer: string }[] = [];

beforeAll(async () => {
  edge = await openEdge(
    {
      orders: {
        getOrder: async () => {
          served += 1;
          return { order: order() };
        },
        listOrders: async ({ customerId }, { user, callerService }) => {
          asked.push({ user: user?.id, caller: callerService, customer: customerId });
          return { orders: [], nextPageToken: '' };
        },
        rebuildOrders: async function* () {
          yield { lastOrderId: '', orderCount: 1n, restoredCount: 0n, differentOrderIds: [], done: true };
        },
      },
      payments: {
        refund: async () => {
          throw new Error('nobody may come here');
        },
      },
    },
    { RATE_LIMIT: '1000/60' },
  );
});
afterAll(() => edge?.stop());

const path = `/api/v2/orders/${ORDER_ID}`;
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = () => ({
  sub: ALICE,
  roles: ['admin'],
  iss: 'weft',
  aud: 'weft',
  exp: Math.floor(Date.now() / 1000) + 600,
});

/** By whatever protocol it comes, the token is refused, and the service hears nothing of it. */
async function refusedFor(token: string, reason: string): Promise<void> {
  const before = served;
  const { status, json, headers } = await edge.send(path, { as: token });
  expect([status, json.reason]).toEqual([401, reason]);
  expect(headers.get('www-authenticate')).toContain('Bearer');
  const [connect, web] = [
    createConnectTransport({ baseUrl: edge.http, httpVersion: '1.1' }),
    createGrpcWebTransport({ baseUrl: edge.http, httpVersion: '1.1' }),
  ];
  for (const transport of [connect, web, createGrpcTransport({ baseUrl: edge.h2c })]) {
    const called = createClient(OrdersService, transport).getOrder(
      { orderId: ORDER_ID },
      { headers: { authorization: `Bearer ${token}` } },
    );
    const error = await called.then(() => undefined, ConnectError.from);
    expect([error?.code, error?.findDetails(ErrorInfoSchema)[0]?.reason]).toEqual([Code.Unauthenticated, reason]);
  }
  expect(served).toBe(before);
}

async function jwks() {
  const { keys } = (await (await fetch(edge.booted.jwksUrl())).json()) as { keys: Record<string, string>[] };
  return keys[0] as Record<string, string>;
}

describe('a token that is forged', () => {
  it.each([
    ['is of algorithm none', async () => `${base64({ alg: 'none', kid: 'test' })}.${base64(claims())}.`],
    [
      'is signed with the public key as a secret',
      async () => {
        const spki = await exportSPKI((await importJWK(await jwks(), 'EdDSA', { extractable: true })) as never);
        return new SignJWT(claims())
          .setProtectedHeader({ alg: 'HS256', kid: 'test' })
          .sign(new TextEncoder().encode(spki));
      },
    ],
    [
      'is signed by somebody else',
      async () => {
        const { privateKey } = await generateKeyPair('EdDSA');
        return new SignJWT(claims()).setProtectedHeader({ alg: 'EdDSA', kid: 'test' }).sign(privateKey);
      },
    ],
    [
      'brings its own key',
      async () => {
        const { privateKey, publicKey } = generateKeyPairSync('ed25519');
        const jwk = publicKey.export({ format: 'jwk' });
        return new SignJWT(claims()).setProtectedHeader({ alg: 'EdDSA', jwk: jwk as never }).sign(privateKey);
      },
    ],
    [
      'has other claims than were signed',
      async () => {
        const [head, , signature] = (await edge.token()).split('.');
        return `${head}.${base64(claims())}.${signature}`;
      },
    ],
    ['is no token', async () => 'a.b.c'],
    ['is very long', async () => 'x'.repeat(8000)],
  ])('and %s is refused with 401', async (_, forge) => {
    await refusedFor(await forge(), 'TOKEN_INVALID');
  });
});

it.each([
  ['is for another audience', { audience: 'another-shop' }, 'TOKEN_INVALID'],
  ['is from another issuer', { issuer: 'another-issuer' }, 'TOKEN_INVALID'],
])('a token that %s is refused with 401', async (_, difference, reason) => {
  const as = await edge.booted.token({ id: ALICE, roles: ['customer'] }, 600, difference);
  await refusedFor(as, reason);
});

it('a token that has expired is refused with 401', async () => {
  const as = await edge.booted.token({ id: ALICE, roles: ['customer'] }, -10);
  await refusedFor(as, 'TOKEN_EXPIRED');
});

it('publishes the keys that verify tokens, for whoever checks them without us', async () => {
  const { status, json, headers } = await edge.send('/.well-known/jwks.json');
  expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=60']);
  const getKey = createLocalJWKSet(json);
  const { payload } = await jwtVerify(await edge.token(), getKey, { issuer: 'weft', audience: 'weft' });
  expect(payload.sub).toBe(ALICE);
  expect(JSON.stringify(json)).not.toContain('"d":');
});

it('takes no role from a header, a query or a body', async () => {
  const as = await edge.token();
  const headers = {
    'weft-caller': 'checkout',
    'x-forwarded-client-cert':
      'By=spiffe://cluster.local/ns/weft/sa/orders;URI=spiffe://cluster.local/ns/weft/sa/checkout',
    'x-user-id': MALLORY,
    'x-roles': 'admin',
    'x-forwarded-for': '127.0.0.1',
  };
  const refund = `/api/v2/payments/${ORDER_ID}:refund`;
  const body = JSON.stringify({ idempotencyKey: 'key', amount: { currencyCode: 'GBP', minorUnits: '1' } });
  expect((await edge.send(refund, { method: 'POST', as, body, headers })).status).toBe(403);
  expect((await edge.send(`${refund}?roles=admin`, { method: 'POST', as, body })).status).toBe(403);
  const spoken = JSON.stringify({ ...JSON.parse(body), roles: ['ROLE_ADMIN'] });
  expect((await edge.send(refund, { method: 'POST', as, body: spoken })).status).toBe(403);
  const newcomer = { email: 'mallory@people.example', fullName: 'Mallory', password: 'correct horse' };
  for (const [method, to, is] of [
    ['POST', '/api/v2/users', newcomer],
    ['PATCH', `/api/v2/users/${ALICE}`, { fullName: 'Alice' }],
  ] as const) {
    const promoted = await edge.send(to, { method, as, body: JSON.stringify({ ...is, roles: ['ROLE_ADMIN'] }) });
    expect([to, promoted.status, promoted.json.errors]).toMatchObject([to, 400, [{ field: 'roles' }]]);
  }
  expect((await edge.send('/api/v2/orders:rebuild', { method: 'POST', as, body: '{}' })).status).toBe(403);
  const confirm = '/weft.orders.v1.OrdersService/ConfirmOrder';
  const confirmed = await edge.send(confirm, {
    method: 'POST',
    as,
    headers,
    body: JSON.stringify({ orderId: ORDER_ID }),
  });
  expect(confirmed.status).toBe(404);
  await edge.send('/api/v2/orders', { as, headers });
  expect(asked.at(-1)).toMatchObject({ user: ALICE, caller: 'gateway' });
});

it('tells the service whose order it is about and for whom, and leaves it to the service', async () => {
  await edge.send(`/api/v2/users/${ALICE}/orders`, { as: await edge.token(MALLORY) });
  expect(asked.at(-1)).toEqual({ user: MALLORY, caller: 'gateway', customer: ALICE });
  const twice = await edge.send(`/api/v2/users/${ALICE}/orders?customerId=${MALLORY}`, {
    as: await edge.token(MALLORY),
  });
  expect(twice.status).toBe(400);
});
