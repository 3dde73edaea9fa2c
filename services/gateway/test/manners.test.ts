import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, ORDER_ID, order, person, product } from './stubs.ts';

const SHOP = 'https://shop.example';
let edge: Edge;
let alice: string;
const keys: string[] = [];
beforeAll(async () => {
  edge = await openEdge(
    {
      catalog: {
        getProduct: async ({ productId }) => {
          if (productId !== 'lantern') throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'no such product');
          return { product: product() };
        },
      },
      orders: {
        getOrder: async () => ({ order: order() }),
        placeOrder: async ({ idempotencyKey }) => {
          keys.push(idempotencyKey);
          return { order: order() };
        },
      },
      users: { getUser: async () => ({ user: person() }) },
    },
    { CORS_ORIGINS: `${SHOP},https://till.example` },
  );
  alice = await edge.token();
});
afterAll(() => edge?.stop());

describe('a page of another origin', () => {
  const from = (origin: string, path: string) => edge.send(path, { headers: { origin } });

  it.each([
    ['an answer', '/api/v2/products/lantern', 200],
    ['a refusal', '/api/v2/products/none', 404],
    ['the refusal of a stranger', `/api/v2/orders/${ORDER_ID}`, 401],
  ])('reads %s and its headers where its origin is named, and nothing where it is not', async (_, path, expected) => {
    const welcome = await from(SHOP, path);
    expect([welcome.status, welcome.headers.get('access-control-allow-origin')]).toEqual([expected, SHOP]);
    const exposed = welcome.headers.get('access-control-expose-headers')?.split(', ') ?? [];
    expect(exposed).toEqual(expect.arrayContaining(['etag', 'link', 'location', 'retry-after', 'ratelimit']));
    expect(welcome.headers.get('vary')).toContain('origin');
    const stranger = await from('https://evil.example', path);
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
    // A cache may not give it to the other.
    expect(stranger.headers.get('vary')).toContain('origin');
  });

  it('is asked for no cookies, and may send what REST needs', async () => {
    const asking = { 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'if-match' };
    const { status, headers } = await edge.send(`/api/v2/users/${ALICE}`, {
      method: 'OPTIONS',
      headers: { origin: SHOP, ...asking },
    });
    expect([status, headers.get('access-control-allow-credentials')]).toEqual([204, null]);
    expect(headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(headers.get('access-control-allow-headers')).toContain('if-match');
  });
});

it('answers HEAD with the headers of GET, and nothing else', async () => {
  const get = await edge.send('/api/v2/products/lantern');
  const head = await edge.send('/api/v2/products/lantern', { method: 'HEAD' });
  expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', get.headers.get('etag')]);
  expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(get.text)));
});

it.each([
  ['PUT', '/api/v2/products/lantern', 'PATCH, GET, HEAD'],
  ['OPTIONS', `/api/v2/orders/${ORDER_ID}:watch`, 'GET, HEAD'],
  ['HEAD', `/api/v2/orders/${ORDER_ID}:cancel`, 'POST'],
])('says to %s of %s which methods there are, HEAD wherever GET is', async (method, path, expected) => {
  const { status, headers } = await edge.send(path, { method });
  expect([status, headers.get('allow')]).toEqual([405, expected]);
});

it('takes an idempotency key from the header or the body, but not two of them', async () => {
  const place = (body: object, header?: string) =>
    edge.send('/api/v2/orders', {
      method: 'POST',
      as: alice,
      body: JSON.stringify({
        lines: [{ productId: 'lantern', quantity: '1' }],
        paymentMethodToken: 'tok_approved',
        ...body,
      }),
      headers: header === undefined ? {} : { 'idempotency-key': header },
    });
  expect((await place({ idempotencyKey: 'one' })).status).toBe(202);
  expect((await place({ idempotencyKey: 'two' }, 'two')).status).toBe(202);
  expect(keys).toEqual(['one', 'two']);
  const both = await place({ idempotencyKey: 'three' }, 'four');
  expect([both.status, both.json.errors]).toMatchObject([400, [{ field: 'idempotencyKey', rule: 'header.same' }]]);
  const none = await place({});
  expect([none.status, none.json.errors]).toMatchObject([422, [{ field: 'idempotencyKey' }]]);
  expect(keys).toHaveLength(2);
});

it('refuses an address that is too long with 414', async () => {
  const { status, json } = await edge.send(`/api/v2/products?page_token=${'x'.repeat(8200)}`);
  expect([status, json.reason]).toEqual([414, 'URI_TOO_LONG']);
});
