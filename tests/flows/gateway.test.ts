import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { openShop, type Shop } from './shop.ts';

let shop: Shop;
let lantern: string;
const REFUSED = new Set([403, 404]);
type Customer = Awaited<ReturnType<Shop['customer']>>;

beforeAll(async () => {
  shop = await openShop('all');
  lantern = await shop.product({ price: 250n, stock: 10n });
}, 90_000);
afterAll(() => shop?.booted.stop());

async function send(
  path: string,
  { token = '', method = 'GET', body }: { token?: string; method?: string; body?: object },
) {
  const response = await fetch(`${shop.booted.http('gateway')}/api/v2${path}`, {
    method,
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json', 'idempotency-key': `key-${path}-${token.slice(-8)}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it expects
    json: (text.startsWith('{') ? JSON.parse(text) : {}) as any,
  };
}

const order = ({ token }: Customer) =>
  send('/orders', {
    method: 'POST',
    token,
    body: { lines: [{ productId: lantern, quantity: '1' }], paymentMethodToken: 'tok_approved' },
  });

it('takes an order over REST to its end, and shows all that belongs to it', async () => {
  const alice = await shop.customer();
  const placed = await order(alice);
  expect(placed.status).toBe(202);
  const { orderId } = placed.json.order;
  expect((await order(alice)).json.order.orderId).toBe(orderId);
  await shop.ended(orderId);
  const full = await send(`/orders/${orderId}?view=full`, alice);
  expect(full.json).toMatchObject({
    order: { status: 'ORDER_STATUS_COMPLETED', total: { minorUnits: '250' } },
    payment: { status: 'PAYMENT_STATUS_CAPTURED' },
    shipment: { status: 'SHIPMENT_STATUS_DISPATCHED' },
    products: [{ productId: lantern }],
  });
  expect(full.json._degraded).toBeUndefined();
  for (const [rel, link] of Object.entries(full.json._links as Record<string, { href: string; method?: string }>)) {
    if (link.method !== undefined) continue;
    const { status } = await send(link.href.replace('/api/v2', ''), alice);
    expect([rel, status]).toEqual([rel, 200]);
  }
});

it('shows nobody what belongs to somebody else, by any route', async () => {
  const [alice, mallory] = [await shop.customer(), await shop.customer()];
  const { orderId } = (await order(alice)).json.order;
  await shop.ended(orderId);
  const paths = [
    `/orders/${orderId}`,
    `/orders/${orderId}?view=full`,
    `/orders/${orderId}/events`,
    `/orders/${orderId}:watch`,
    `/payments/${orderId}`,
    `/shipments/${orderId}`,
    `/shipments/${orderId}:watch`,
    `/users/${alice.id}`,
    `/users/${alice.id}/orders`,
    `/users/${alice.id}/notifications`,
    `/orders?customer_id=${alice.id}`,
    `/sagas/${orderId}`,
    `/audit-events?resource_id=${orderId}`,
  ];
  for (const path of paths) {
    const { status, text } = await send(path, mallory);
    expect({ path, refused: REFUSED.has(status) }).toEqual({ path, refused: true });
    expect(text).not.toContain('tok_');
  }
  for (const [path, body] of [
    [`/orders/${orderId}:cancel`, {}],
    [`/orders/${orderId}:return`, { lines: [{ productId: lantern, quantity: '1' }] }],
    [
      '/orders',
      { customerId: alice.id, lines: [{ productId: lantern, quantity: '1' }], paymentMethodToken: 'tok_approved' },
    ],
  ] as const) {
    const { status } = await send(path, { ...mallory, method: 'POST', body });
    expect({ path, refused: REFUSED.has(status) }).toEqual({ path, refused: true });
  }
  const audited = () => send(`/audit-events?resource_id=${orderId}`, { token: shop.adminToken });
  await eventually(async () => (await audited()).json.auditEvents.length > 0, 10_000);
  const renamed = await send(`/users/${alice.id}`, { ...mallory, method: 'PATCH', body: { fullName: 'Mallory' } });
  expect(REFUSED.has(renamed.status)).toBe(true);
  expect((await send(`/users/${alice.id}`, alice)).json.user.fullName).toBe('A Customer');
});

it('shows a product as it is now as soon as its event has come, and at once to those who changed it here', async () => {
  const title = async () => (await send(`/products/${lantern}`, {})).json.product.title;
  expect(await title()).toBe('Lantern');
  await shop.admin.catalog.updateProduct({
    productId: lantern,
    title: 'Lamp',
    description: undefined,
    price: undefined,
    expectedVersion: 0n,
  });
  await eventually(async () => (await title()) === 'Lamp', 4_000);
  const token = shop.adminToken;
  const { status } = await send(`/products/${lantern}`, { method: 'PATCH', token, body: { title: 'Torch' } });
  expect([status, await title()]).toEqual([200, 'Torch']);
});
