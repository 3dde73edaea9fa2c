import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RetryInfoSchema } from '@weft/gen/es/google/rpc/error_details_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import openapi from '@weft/gen/openapi/openapi.json' with { type: 'json' };
import openapiV1 from '@weft/gen/openapi/openapi.v1.json' with { type: 'json' };
import { refusal } from '@weft/kit/testing';
import { buyByCurl } from './by-curl.ts';
import { openShop, type Shop } from './shop.ts';

const run = promisify(execFile);
const has = (program: string) =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );
const [hasCurl, hasGrpcurl] = await Promise.all([has('curl'), has('grpcurl')]);

let shop: Shop;
let lantern: string;
const gateway = () => shop.booted.http('gateway');
beforeAll(async () => {
  shop = await openShop('all');
  lantern = await shop.product({ price: 250n, stock: 100n });
}, 90_000);
afterAll(() => shop?.booted.stop());

type Json = Record<string, unknown>;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function post(path: string, body: Json, headers: Record<string, string> = {}) {
  const response = await fetch(`${gateway()}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it expects
  return { status: response.status, headers: response.headers, json: (await response.json()) as any };
}

const orderOf = (productId: string) => ({
  lines: [{ productId, quantity: '1' }],
  paymentMethodToken: 'tok_approved',
});

interface Operation {
  readonly 'x-roles': readonly string[];
  readonly 'x-grpc-method': string;
  readonly parameters?: readonly object[];
  readonly requestBody?: { content: { 'application/json': { examples: { example: { value: Json } } } } };
}

/** Every operation of a customer's about one thing, with a request that keeps the document. */
const operations = Object.entries({ ...openapi.paths, ...openapiV1.paths } as unknown as Record<
  string,
  Record<string, Operation>
>)
  .filter(([path]) => path.includes('{'))
  .flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, operation]) => ({ verb, path, operation })))
  .filter(({ operation }) => operation['x-roles'].includes('customer'))
  .map(({ verb, path, operation }) => ({
    verb: verb.toUpperCase(),
    path,
    method: operation['x-grpc-method'],
    keyed: /idempotency-?key/i.test(JSON.stringify(operation.parameters ?? [])),
    body: operation.requestBody?.content['application/json'].examples.example.value ?? {},
  }));

/** A message with its length, as Connect sends those of a stream. Gives the code that the stream ends with. */
async function streamed(method: string, message: Json, token: string): Promise<string> {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  const headers = { ...bearer(token), 'content-type': 'application/connect+json' };
  const response = await fetch(`${gateway()}/${method}`, {
    method: 'POST',
    headers,
    body: Buffer.concat([head, text]),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  // Nothing but its end.
  expect(answer[0]).toBe(2);
  return (JSON.parse(answer.subarray(5).toString()) as { error: { code: string } }).error.code;
}

describe('what belongs to somebody else', () => {
  let alice: Awaited<ReturnType<Shop['customer']>>;
  let mallory: typeof alice;
  let orderId: string;
  const idOf = (parameter: string) => (/^(?:user|customer)/.test(parameter) ? alice.id : orderId);
  const seen = async () => {
    const read = async (path: string) =>
      (await fetch(`${gateway()}/api/v2${path}`, { headers: bearer(alice.token) })).text();
    return [await read(`/orders/${orderId}?view=full`), await read(`/users/${alice.id}`)];
  };
  beforeAll(async () => {
    [alice, mallory] = [await shop.customer(), await shop.customer()];
    const headers = { ...bearer(alice.token), 'idempotency-key': 'alice' };
    orderId = (await post('/api/v2/orders', orderOf(lantern), headers)).json.order.orderId;
    await shop.ended(orderId);
  });

  it('is in the document in many ways', () => {
    expect(operations.length).toBeGreaterThan(12);
  });

  it.each(operations)('is not there by $verb $path', async ({ verb, path, body }) => {
    const before = await seen();
    const url = path.replaceAll(/\{(\w+)\}/g, (_, parameter: string) => idOf(parameter));
    const headers = { ...bearer(mallory.token), 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    const sent = verb === 'GET' || verb === 'DELETE' ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${gateway()}${url}`, { method: verb, headers, ...sent });
    expect([403, 404]).toContain(response.status);
    expect(await response.text()).not.toContain('tok_');
    expect(await seen()).toEqual(before);
  });

  it.each(['orders?customerId', 'notifications?userId'])('is not listed by GET /%s=', async (list) => {
    const answer = await fetch(`${gateway()}/api/v2/${list}=${alice.id}`, { headers: bearer(mallory.token) });
    expect([403, 404]).toContain(answer.status);
  });

  it.each([
    ['orders.v1.OrdersService/ListOrders', 'customerId'],
    ['notifications.v1.NotificationsService/ListNotifications', 'userId'],
  ])('is not listed by Connect, %s of a %s', async (method, field) => {
    const { json } = await post(`/weft.${method}`, { [field]: alice.id }, bearer(mallory.token));
    expect(['not_found', 'permission_denied']).toContain(json.code);
  });

  it('is not ordered for, by REST or by Connect', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const body = { ...orderOf(lantern), customerId: alice.id };
    const rest = await post('/api/v2/orders', body, { ...bearer(mallory.token), ...key });
    expect([rest.status, rest.json.reason]).toEqual([403, 'NOT_YOURS']);
    const message = { ...body, idempotencyKey: randomUUID() };
    const connect = await post('/weft.orders.v1.OrdersService/PlaceOrder', message, bearer(mallory.token));
    expect([connect.status, connect.json.code]).toEqual([403, 'permission_denied']);
  });

  it.each(operations.filter(({ path }) => path.startsWith('/api/v2/')))(
    'is not there by Connect, $method of $path',
    async ({ path, method, keyed, body }) => {
      const before = await seen();
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter = '']) => [parameter, idOf(parameter)]);
      const key = keyed ? { idempotencyKey: randomUUID() } : {};
      const message = { ...body, ...key, ...Object.fromEntries(named) };
      const code = path.endsWith(':watch')
        ? await streamed(method, message, mallory.token)
        : (await post(`/${method}`, message, bearer(mallory.token))).json.code;
      expect(['not_found', 'permission_denied']).toContain(code);
      expect(await seen()).toEqual(before);
    },
  );
});

it('publishes the keys that users signs with', async () => {
  const keys = async (url: string) => (await (await fetch(url)).json()) as { keys: { kid: string }[] };
  const published = await keys(`${gateway()}/.well-known/jwks.json`);
  expect(published.keys.length).toBeGreaterThan(0);
  expect(published).toEqual(await keys(`${shop.booted.ops('users')}/.well-known/jwks.json`));
});

it('ends a session whose refresh token was stolen, for the thief and for the owner', async () => {
  const login = { email: `${randomUUID()}@shop.example`, password: 'correct horse' };
  expect((await post('/api/v2/users', { ...login, fullName: 'A Customer' })).status).toBe(201);
  const { refreshToken: first } = (await post('/api/v2/users:login', login)).json;
  const refresh = (refreshToken: string) =>
    post('/api/v2/users:refreshToken', { refreshToken }, { 'idempotency-key': randomUUID() });
  const owner = await refresh(first);
  expect(owner.status).toBe(200);
  const thief = await refresh(first);
  expect([thief.status, thief.json.reason]).toEqual([401, 'REFRESH_TOKEN_INVALID']);
  const after = await refresh(owner.json.refreshToken);
  expect([after.status, after.json.reason]).toEqual([401, 'REFRESH_TOKEN_INVALID']);
  const spent = { refreshToken: owner.json.refreshToken, idempotencyKey: randomUUID() };
  const connect = await post('/weft.users.v1.UsersService/RefreshToken', spent);
  expect([connect.status, connect.json.code]).toEqual([401, 'unauthenticated']);
});

it('says by every way for how long an address is locked', async () => {
  const login = { email: `${randomUUID()}@shop.example`, password: 'not the password' };
  const users = await shop.booted.client(UsersServiceService, UsersService);
  for (let n = 0; n < 5; n++) expect((await refusal(users.login(login))).reason).toBe('BAD_CREDENTIALS');
  const byGateway = async (transport: Transport) => {
    const refused = await createClient(UsersService, transport).login(login).then(String, ConnectError.from);
    return refused as ConnectError;
  };
  const retryOf = (error: ConnectError) => Number(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds);
  const direct = await refusal(users.login(login));
  const grpc = await byGateway(createGrpcTransport({ baseUrl: `http://${shop.booted.target('gateway')}` }));
  const connect = await byGateway(createConnectTransport({ baseUrl: gateway(), httpVersion: '1.1' }));
  const rest = await post('/api/v2/users:login', login);
  expect([direct.reason, rest.status, rest.json.reason]).toEqual(['LOGIN_LOCKED', 429, 'LOGIN_LOCKED']);
  const told = [
    direct.retryAfter,
    retryOf(grpc),
    retryOf(connect),
    Number(connect.metadata.get('retry-after')),
    Number(rest.headers.get('retry-after')),
  ] as number[];
  // Half a minute, less what passes meanwhile.
  for (const seconds of told) expect(seconds).toBeGreaterThan(10);
  expect(told).toEqual(told.toSorted((one, other) => other - one));
  expect(told[0]).toBeLessThanOrEqual(30);
});

(hasCurl ? it : it.skip)('takes an order with curl alone, and follows it until it is completed', async () => {
  const states = await buyByCurl(gateway(), lantern);
  expect(states.at(-1)).toBe('ORDER_STATUS_COMPLETED');
});

(hasGrpcurl ? it : it.skip)(
  'tells grpcurl what it serves, which then calls it without any contract of its own',
  async () => {
    const target = shop.booted.target('gateway');
    const grpcurl = async (...args: string[]) => (await run('grpcurl', ['-plaintext', ...args])).stdout;
    expect(await grpcurl(target, 'list')).toContain('weft.orders.v1.OrdersService');
    expect(await grpcurl(target, 'describe', 'weft.catalog.v1.CatalogService')).toContain('rpc GetProduct');
    const data = ['-d', JSON.stringify({ productId: lantern })];
    const answer = JSON.parse(await grpcurl(...data, target, 'weft.catalog.v1.CatalogService/GetProduct'));
    expect(answer.product).toMatchObject({ productId: lantern, price: { minorUnits: '250' } });
    const refused = grpcurl(
      '-d',
      JSON.stringify({ orderId: randomUUID() }),
      target,
      'weft.orders.v1.OrdersService/GetOrder',
    );
    await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining('Unauthenticated') });
  },
);
