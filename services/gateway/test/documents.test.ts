import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentStatus } from '@weft/gen/grpc/weft/payments/v1/payments';
import { ShipmentStatus } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { DomainError } from '@weft/kit/failure';
import { type Differences, readDocument } from './documents.ts';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, MALLORY, ORDER_ID, order, person, product } from './stubs.ts';

const TIME = { seconds: 1_795_000_000n, nanos: 0 };
const POUNDS = { currencyCode: 'GBP', minorUnits: 500n };

let edge: Edge;
let alice: string;
let admin: string;
let bankIsAway = false;

beforeAll(async () => {
  const [status, placed] = [
    PaymentStatus.PAYMENT_STATUS_CAPTURED,
    { orderId: ORDER_ID, customerId: ALICE, version: 1n },
  ];
  const times = { createTime: TIME, updateTime: TIME };
  edge = await openEdge({
    catalog: {
      getProduct: async ({ productId }) => {
        if (productId !== 'lantern') throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'no such product');
        return { product: product() };
      },
      listProducts: async () => ({ products: [product(), product()], nextPageToken: 'next' }),
      createProduct: async () => ({ product: product() }),
      updateProduct: async () => ({ product: product() }),
    },
    orders: {
      placeOrder: async ({ paymentMethodToken }) => ({
        order: order(paymentMethodToken === 'tok_done' ? { status: OrderStatus.ORDER_STATUS_COMPLETED } : {}),
      }),
      getOrder: async () => ({ order: order() }),
      listOrders: async () => ({ orders: [order()], nextPageToken: '' }),
      cancelOrder: async ({ orderId }) => ({
        order: order({
          status: orderId === ORDER_ID ? OrderStatus.ORDER_STATUS_CANCELLING : OrderStatus.ORDER_STATUS_CANCELLED,
        }),
      }),
    },
    payments: {
      getPayment: async () => {
        if (bankIsAway) throw new DomainError('unavailable', 'BANK_AWAY', 'the bank is away');
        const payment = { ...placed, ...times, paymentId: ORDER_ID, status, declineReason: '' };
        return { payment: { ...payment, amount: POUNDS, captured: POUNDS, refunded: { ...POUNDS, minorUnits: 0n } } };
      },
    },
    shipping: {
      getShipment: async () => ({
        shipment: {
          ...placed,
          ...times,
          shipmentId: ORDER_ID,
          status: ShipmentStatus.SHIPMENT_STATUS_DISPATCHED,
          rejectReason: '',
          lines: [{ stockCode: 'L-1', quantity: 2n }],
          trackingCode: 'T-1',
          deliveryAddress: undefined,
          dispatchTime: TIME,
        },
      }),
    },
    users: {
      register: async ({ email, fullName }) => ({ user: person({ email, fullName }) }),
      login: async ({ email }) => ({
        accessToken: 'access',
        refreshToken: 'refresh',
        user: person({ email }),
        expireTime: TIME,
        refreshExpireTime: TIME,
      }),
      logout: async () => ({}),
      getUser: async () => ({ user: person() }),
      listUsers: async () => ({ users: [person(), person()], nextPageToken: '' }),
      updateUser: async ({ email }) => ({ user: person({ email: email ?? '' }) }),
      deleteUser: async () => ({ user: person() }),
    },
  });
  alice = await edge.token();
  admin = await edge.token(MALLORY, 'admin');
});
afterAll(() => edge?.stop());

const wanted = (paymentMethodToken = 'tok_approved') => ({
  lines: [{ productId: 'lantern', quantity: '2' }],
  paymentMethodToken,
});
const made = {
  productId: 'lantern',
  stockCode: 'L-1',
  title: 'Lantern',
  price: { currencyCode: 'GBP', minorUnits: 250 },
};

/** Path, template, what is sent, and the status that comes of it. */
interface Asked {
  readonly verb: string;
  readonly path: string;
  readonly at: string;
  readonly status: number;
  readonly as?: 'admin' | 'nobody';
  readonly body?: object;
}

const asked = (email: string): readonly Asked[] => [
  { verb: 'get', path: 'products', at: 'products', status: 200 },
  { verb: 'get', path: 'products/lantern', at: 'products/{productId}', status: 200 },
  { verb: 'get', path: 'products/none', at: 'products/{productId}', status: 404 },
  { verb: 'post', path: 'products', at: 'products', status: 201, as: 'admin', body: made },
  { verb: 'post', path: 'products', at: 'products', status: 403, body: made },
  {
    verb: 'patch',
    path: 'products/lantern',
    at: 'products/{productId}',
    status: 200,
    as: 'admin',
    body: { title: 'Lamp' },
  },
  { verb: 'post', path: 'orders', at: 'orders', status: 202, body: wanted() },
  { verb: 'post', path: 'orders', at: 'orders', status: 201, body: wanted('tok_done') },
  { verb: 'post', path: 'orders', at: 'orders', status: 422, body: { ...wanted(), lines: [] } },
  { verb: 'post', path: 'orders', at: 'orders', status: 401, as: 'nobody', body: wanted() },
  { verb: 'get', path: 'orders', at: 'orders', status: 200 },
  { verb: 'get', path: 'orders?nonsense=1', at: 'orders', status: 400 },
  { verb: 'get', path: `orders/${ORDER_ID}`, at: 'orders/{orderId}', status: 200 },
  { verb: 'get', path: `orders/${ORDER_ID}?view=full`, at: 'orders/{orderId}', status: 200 },
  { verb: 'post', path: `orders/${ORDER_ID}:cancel`, at: 'orders/{orderId}:cancel', status: 202, body: {} },
  { verb: 'post', path: `orders/${MALLORY}:cancel`, at: 'orders/{orderId}:cancel', status: 200, body: {} },
  {
    verb: 'post',
    path: 'users',
    at: 'users',
    status: 201,
    as: 'nobody',
    body: { [email]: 'ada@shop.example', fullName: 'Ada', password: 'correct horse' },
  },
  {
    verb: 'post',
    path: 'users:login',
    at: 'users:login',
    status: 200,
    as: 'nobody',
    body: { [email]: 'ada@shop.example', password: 'correct horse' },
  },
  {
    verb: 'post',
    path: 'users:logout',
    at: 'users:logout',
    status: 200,
    as: 'nobody',
    body: { refreshToken: 'refresh' },
  },
  { verb: 'get', path: 'users', at: 'users', status: 200, as: 'admin' },
  { verb: 'get', path: `users/${ALICE}`, at: 'users/{userId}', status: 200 },
  { verb: 'patch', path: `users/${ALICE}`, at: 'users/{userId}', status: 200, body: { [email]: 'new@shop.example' } },
  { verb: 'delete', path: `users/${ALICE}`, at: 'users/{userId}', status: 204 },
];

const versions = [
  { version: 'v2', email: 'email', other: 'emailAddress', differences: readDocument('openapi.json') },
  { version: 'v1', email: 'emailAddress', other: 'email', differences: readDocument('openapi.v1.json') },
];

describe.each(versions)('what the gateway answers in $version', ({ version, email, other, differences }) => {
  let number = 0;
  const send = ({ verb, path, as, body }: Asked) =>
    edge.send(`/api/${version}/${path}`, {
      method: verb.toUpperCase(),
      ...(as !== 'nobody' && { as: as === 'admin' ? admin : alice }),
      ...(body && { body: JSON.stringify(body) }),
      headers: { 'idempotency-key': `key-${number++}` },
    });

  it.each(asked(email).map((one) => [`${one.status} of ${one.verb} ${one.path}`, one] as const))(
    'is what its document says: %s',
    async (_, one) => {
      const answer = await send(one);
      expect([answer.status, answer.json?.reason]).toEqual([one.status, answer.json?.reason]);
      expect(differences(one.verb, `/api/${version}/${one.at}`, answer)).toEqual([]);
    },
  );

  it('has no names of the other version, and takes none', async () => {
    const { json } = await send({ verb: 'get', path: `users/${ALICE}`, at: '', status: 200 });
    expect([Object.hasOwn(json.user, email), Object.hasOwn(json.user, other)]).toEqual([true, false]);
    const body = { [other]: 'ada@shop.example', password: 'correct horse' };
    const { status } = await send({ verb: 'post', path: 'users:login', at: '', status: 400, as: 'nobody', body });
    expect(status).toBe(400);
  });

  it('is what its document says when a part of a view does not answer, or the body is not what it has to be', async () => {
    const full = { verb: 'get', path: `orders/${ORDER_ID}?view=full`, at: '', status: 200 };
    bankIsAway = true;
    const answer = await send(full);
    bankIsAway = false;
    expect(answer.json).toMatchObject({
      payment: null,
      _degraded: [{ part: 'payment', status: 503, reason: 'BANK_AWAY' }],
    });
    expect(differences('get', `/api/${version}/orders/{orderId}`, answer)).toEqual([]);
    const texts: [number, RequestInit & { as: string }][] = [
      [415, { as: alice, body: 'text', headers: { 'content-type': 'text/plain' } }],
      [413, { as: alice, body: `{"x": "${'x'.repeat(6_000_000)}"}` }],
    ];
    for (const [status, init] of texts) {
      const refused = await edge.send(`/api/${version}/orders`, { ...init, method: 'POST' });
      expect(refused.status).toBe(status);
      expect(differences('post', `/api/${version}/orders`, refused)).toEqual([]);
    }
  });
});

it('the documents tell a difference', async () => {
  const answer = await edge.send(`/api/v1/users/${ALICE}`, { as: alice });
  const [now, before] = versions.map(({ differences }) => differences) as [Differences, Differences];
  expect(now('get', '/api/v2/users/{userId}', answer).join()).toContain('emailAddress');
  const current = await edge.send(`/api/v2/users/${ALICE}`, { as: alice });
  expect(before('get', '/api/v1/users/{userId}', current).join()).toContain('no Deprecation');
});
