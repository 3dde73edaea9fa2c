import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { PlaceOrderRequest } from '@weft/gen/grpc/weft/orders/v1/orders';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { DomainError } from '@weft/kit/failure';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, MALLORY, ORDER_ID, order, person, product } from './stubs.ts';

let edge: Edge;
let alice: string;
let admin: string;
const placed: PlaceOrderRequest[] = [];
const changed: bigint[] = [];

beforeAll(async () => {
  edge = await openEdge({
    catalog: {
      getProduct: async ({ productId }) => {
        if (productId !== 'lantern') throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'no such product');
        return { product: product() };
      },
      listProducts: async ({ pageToken }) => ({
        products: Array.from({ length: 30 }, (_, n) => product({ productId: `lantern-${n}` })),
        nextPageToken: pageToken === '' ? 'next' : '',
      }),
      updateProduct: async ({ expectedVersion }) => {
        changed.push(expectedVersion);
        if (expectedVersion !== 5n && expectedVersion !== 0n)
          throw new DomainError('aborted', 'VERSION_MISMATCH', 'the product has changed');
        return { product: product({ version: 6n }) };
      },
      createProduct: async () => ({ product: product() }),
    },
    orders: {
      placeOrder: async (request) => {
        placed.push(request);
        return { order: order() };
      },
      getOrder: async () => ({ order: order() }),
      cancelOrder: async () => ({ order: order({ status: OrderStatus.ORDER_STATUS_CANCELLING }) }),
      listOrders: async ({ customerId }) => ({
        orders: [order({ customerId })],
        nextPageToken: '',
      }),
      watchOrder: async function* ({ resumeToken }) {
        const change = { orderId: ORDER_ID, reason: '', changeTime: undefined, paymentStatus: 1 as const };
        if (resumeToken === '') yield { ...change, status: 1 as const, version: 1n, resumeToken: 'one' };
        yield { ...change, status: 2 as const, version: 2n, resumeToken: 'two' };
      },
    },
    users: {
      register: async () => ({ user: person() }),
      login: async () => {
        throw new DomainError('resource-exhausted', 'LOGIN_LOCKED', 'locked', {}, 240);
      },
      deleteUser: async () => ({ user: person() }),
      getUser: async () => ({ user: person() }),
    },
  });
  alice = await edge.token();
  admin = await edge.token(MALLORY, 'admin');
});
afterAll(() => edge?.stop());

const orderBody = (extra: object = {}) =>
  JSON.stringify({ lines: [{ productId: 'lantern', quantity: '2' }], paymentMethodToken: 'tok_approved', ...extra });

it('reads a product as the contract names it, with an entity tag that spares the second answer', async () => {
  const first = await edge.send('/api/v2/products/lantern');
  expect(first.status).toBe(200);
  expect(first.json.product).toMatchObject({ productId: 'lantern', price: { currencyCode: 'GBP', minorUnits: '250' } });
  const tag = first.headers.get('etag') ?? '';
  expect(tag).toMatch(/^"v5\./);
  const again = await edge.send('/api/v2/products/lantern', { headers: { 'if-none-match': tag } });
  expect(again.status).toBe(304);
  expect(again.text).toBe('');
});

it('answers 202 with the place of an order that is being worked on, and takes its key from the header', async () => {
  const answer = await edge.send('/api/v2/orders', {
    method: 'POST',
    as: alice,
    body: orderBody(),
    headers: { 'idempotency-key': '"key-1"' },
  });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/api/v2/orders/${ORDER_ID}`);
  expect(placed.at(-1)).toMatchObject({ idempotencyKey: 'key-1', lines: [{ productId: 'lantern', quantity: 2n }] });
});

it('answers 201 with the place of what was made, and 204 to what was deleted', async () => {
  const body = JSON.stringify({
    productId: 'lantern',
    stockCode: 'L-1',
    title: 'Lantern',
    price: { currencyCode: 'GBP', minorUnits: 250 },
  });
  const made = await edge.send('/api/v2/products', { method: 'POST', as: admin, body });
  expect([made.status, made.headers.get('location')]).toEqual([201, '/api/v2/products/lantern']);
  const gone = await edge.send(`/api/v2/users/${ALICE}`, { method: 'DELETE', as: alice });
  expect([gone.status, gone.text]).toEqual([204, '']);
});

const newcomer = { email: 'alice@people.example', fullName: 'Alice Example', password: 'correct horse battery' };

it('says to strangers as well where what they made is', async () => {
  const made = await edge.send('/api/v2/users', { method: 'POST', body: JSON.stringify(newcomer) });
  expect([made.status, made.headers.get('location')]).toEqual([201, `/api/v2/users/${ALICE}`]);
  expect(made.json._links).toBeUndefined();
});

it('says when a service that knows it will answer again', async () => {
  const body = JSON.stringify({ email: newcomer.email, password: newcomer.password });
  const locked = await edge.send('/api/v2/users:login', { method: 'POST', body });
  expect([locked.status, locked.json.reason, locked.headers.get('retry-after')]).toEqual([429, 'LOGIN_LOCKED', '240']);
  const connect = await edge.send('/weft.users.v1.UsersService/Login', { method: 'POST', body });
  const retry = connect.json.details.find(({ type }: { type: string }) => type === 'google.rpc.RetryInfo');
  expect([connect.headers.get('retry-after'), retry.debug]).toEqual(['240', { retryDelay: '240s' }]);
});

it('names what is wrong as its version does', async () => {
  const post = async (path: string, body: object) => {
    const { status, json } = await edge.send(path, { method: 'POST', as: alice, body: JSON.stringify(body) });
    return [status, json.errors?.map(({ field }: { field: string }) => field)];
  };
  const lines = [{ productId: 'lantern', quantity: '0' }];
  expect(await post('/api/v2/orders', { lines, paymentMethodToken: '', idempotencyKey: 'key' })).toEqual([
    422,
    expect.arrayContaining(['lines[0].quantity', 'paymentMethodToken']),
  ]);
  const { email: _, ...rest } = newcomer;
  expect(await post('/api/v2/users', { ...rest, email: 'none' })).toEqual([422, ['email']]);
  expect(await post('/api/v1/users', { ...rest, emailAddress: 'none' })).toEqual([422, ['emailAddress']]);
  expect(await post('/api/v1/users', { ...rest, emailAddress: 5 })).toEqual([400, ['emailAddress']]);
  expect(await post('/api/v1/users', newcomer)).toEqual([400, ['email']]);
  for (const name of ['toString', 'hasOwnProperty'])
    expect(await post('/api/v1/users', { ...rest, emailAddress: newcomer.email, [name]: 1 })).toEqual([400, [name]]);
});

it('changes what nobody has changed meanwhile, and answers 412 otherwise', async () => {
  const body = JSON.stringify({ title: 'Lamp' });
  const change = (tag: string) =>
    edge.send('/api/v2/products/lantern', { method: 'PATCH', as: admin, body, headers: { 'if-match': tag } });
  const { headers } = await edge.send('/api/v2/products/lantern');
  expect((await change(headers.get('etag') ?? '')).status).toBe(200);
  const late = await change('"v4.aaaaaaaaaaaaaaaa"');
  expect([late.status, late.json.reason]).toEqual([412, 'VERSION_MISMATCH']);
  expect((await change('W/"anything"')).status).toBe(412);
  const list = await edge.send('/api/v2/products');
  const before = changed.length;
  expect((await change(list.headers.get('etag') ?? '')).status).toBe(412);
  expect(changed.length).toBe(before);
  expect((await change('*')).status).toBe(200);
  expect(changed.at(-1)).toBe(0n);
});

it('tells what is wrong as a problem, with field, rule and correlation id', async () => {
  const broken = await edge.send('/api/v2/orders', {
    method: 'POST',
    as: alice,
    body: orderBody({ idempotencyKey: 'key', lines: [] }),
    headers: { 'x-correlation-id': 'from-a-test' },
  });
  expect(broken.status).toBe(422);
  expect(broken.headers.get('content-type')).toBe('application/problem+json');
  expect(broken.json).toMatchObject({
    type: 'urn:weft:problem:invalid-argument',
    status: 422,
    correlationId: 'from-a-test',
    errors: [{ field: 'lines' }],
  });
  const unknown = await edge.send('/api/v2/products/none');
  expect([unknown.status, unknown.json.reason]).toEqual([404, 'PRODUCT_NOT_FOUND']);
  const nowhere = await edge.send('/api/v2/nothing');
  expect([nowhere.status, nowhere.json.reason]).toEqual([404, 'NO_SUCH_PATH']);
  const method = await edge.send('/api/v2/products/lantern', { method: 'PUT' });
  expect([method.status, method.headers.get('allow')]).toEqual([405, 'PATCH, GET, HEAD']);
  const away = await edge.send('/api/v2/payments/0198f0a0-0000-7000-8000-000000000001', { as: alice });
  expect([away.status, away.json.reason]).toEqual([503, 'UNAVAILABLE']);
  expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
});

it('takes a number of 64 bits as a string or as a number, but none that would be rounded on the way', async () => {
  const place = (quantity: string) =>
    edge.send('/api/v2/orders', {
      method: 'POST',
      as: alice,
      body: `{"lines": [{"productId": "lantern", "quantity": ${quantity}}], "paymentMethodToken": "tok_approved"}`,
      headers: { 'idempotency-key': 'key-of-a-number' },
    });
  expect((await place('3')).status).toBe(202);
  expect(placed.at(-1)?.lines).toMatchObject([{ productId: 'lantern', quantity: 3n }]);
  const before = placed.length;
  for (const number of ['9007199254740993', '-9007199254740993', '1e17', '12345678901234567890.0']) {
    const refused = await place(number);
    expect([number, refused.status, refused.json.errors[0].rule]).toEqual([number, 400, 'json.number']);
  }
  expect((await place('1.5')).status).toBe(400);
  expect(placed.length).toBe(before);
});

it('takes an enum by its name alone in a query', async () => {
  const by = (text: string) => edge.send(`/api/v2/orders?status=${text}`, { as: alice });
  expect((await by('ORDER_STATUS_PLACED')).status).toBe(200);
  expect((await by('1')).status).toBe(400);
});

it('takes verbs after a colon, nested routes and parameters of the query', async () => {
  const cancelled = await edge.send(`/api/v2/orders/${ORDER_ID}:cancel`, { method: 'POST', as: alice, body: '{}' });
  expect([cancelled.status, cancelled.json.order.status]).toEqual([202, 'ORDER_STATUS_CANCELLING']);
  const nested = await edge.send(`/api/v2/users/${ALICE}/orders?page_size=5&status=ORDER_STATUS_PLACED`, { as: alice });
  expect(nested.json.orders[0].customerId).toBe(ALICE);
  const wrong = await edge.send('/api/v2/orders?pageSize=many', { as: alice });
  expect([wrong.status, wrong.json.errors[0].field]).toEqual([400, 'pageSize']);
  const unknown = await edge.send('/api/v2/orders?nonsense=1', { as: alice });
  expect([unknown.status, unknown.json.errors[0]]).toMatchObject([400, { field: 'nonsense', rule: 'query.unknown' }]);
});

it('streams as server-sent events, and goes on where the client was', async () => {
  const path = `/api/v2/orders/${ORDER_ID}:watch`;
  const all = await edge.send(path, { as: alice });
  expect(all.headers.get('content-type')).toBe('text/event-stream');
  expect(all.text.match(/^id: \w+$/gm)).toEqual(['id: one', 'id: two']);
  const rest = await edge.send(path, { as: alice, headers: { 'last-event-id': 'one' } });
  expect(rest.text.match(/^id: \w+$/gm)).toEqual(['id: two']);
  const again = await edge.send(`${path}?resumeToken=`, { as: alice, headers: { 'last-event-id': 'one' } });
  expect(again.text.match(/^id: \w+$/gm)).toEqual(['id: two']);
  const tooLong = await edge.send(path, { as: alice, headers: { 'last-event-id': 'x'.repeat(65) } });
  expect([tooLong.status, tooLong.json.errors[0].field]).toEqual([422, 'resumeToken']);
  const refused = await edge.send(path);
  expect(refused.status).toBe(401);
});

it('has users in the names of its first version, and says until when', async () => {
  const old = await edge.send(`/api/v1/users/${ALICE}`, { as: alice });
  expect(old.json.user).toMatchObject({
    userId: ALICE,
    fullName: 'Alice Example',
    emailAddress: 'alice@people.example',
  });
  expect(old.json.user.email).toBeUndefined();
  expect(old.headers.get('deprecation')).toMatch(/^@\d+$/);
  expect(Date.parse(old.headers.get('sunset') ?? '')).toBeGreaterThan(Date.parse('2027-01-01'));
  const now = await edge.send(`/api/v2/users/${ALICE}`, { as: alice });
  expect(now.json.user.email).toBe('alice@people.example');
  expect(now.headers.get('deprecation')).toBeNull();
});

it('has security headers everywhere, and compresses what is worth it', async () => {
  for (const path of ['/api/v2/products/lantern', '/api/v2/nothing', '/', '/docs']) {
    const { headers } = await edge.send(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-correlation-id')).toBeTruthy();
  }
  const list = await edge.send('/api/v2/products', { headers: { 'accept-encoding': 'gzip' } });
  expect(list.headers.get('content-encoding')).toBe('gzip');
  expect(list.json.products).toHaveLength(30);
});
