import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { type Edge, openEdge, type Sent } from './fixture.ts';
import { ALICE, MALLORY, ORDER_ID, order, person, product } from './stubs.ts';

let edge: Edge;
let alice: string;
let admin: string;
let status: OrderStatus = OrderStatus.ORDER_STATUS_PLACED;

beforeAll(async () => {
  edge = await openEdge({
    catalog: {
      getProduct: async () => ({ product: product() }),
      listProducts: async ({ pageToken }) => ({
        products: Array.from({ length: 30 }, (_, n) => product({ productId: `lantern-${n}` })),
        nextPageToken: pageToken === '' ? 'next' : '',
      }),
    },
    orders: {
      getOrder: async () => ({ order: order({ status }) }),
      listOrders: async () => ({ orders: [order({ status })], nextPageToken: '' }),
    },
    users: { listUsers: async () => ({ users: [person()], nextPageToken: '' }) },
  });
  alice = await edge.token();
  admin = await edge.token(MALLORY, 'admin');
});
afterAll(() => edge?.stop());

it('leads to the next page', async () => {
  const linksOf = ({ json }: Sent) => json._links as Record<string, { href: string }>;

  const first = await edge.send('/api/v2/products?pageSize=30');
  expect(first.headers.get('link')).toBe('</api/v2/products?pageSize=30&pageToken=next>; rel="next"');
  const last = await edge.send('/api/v2/products?pageSize=30&pageToken=next');
  expect(last.headers.get('link')).toBe('</api/v2/products?pageSize=30>; rel="first"');
  expect(linksOf(first)).toEqual({
    self: { href: '/api/v2/products?pageSize=30' },
    next: { href: '/api/v2/products?pageSize=30&pageToken=next' },
  });
  expect(linksOf(last)).toEqual({ self: linksOf(first).next, first: linksOf(first).self });
  expect((await edge.send(linksOf(first).next?.href ?? '')).text).toBe(last.text);
  const asInContract = await edge.send('/api/v2/products?pageSize=30&page_token=next');
  expect(asInContract.json.products).toEqual(last.json.products);
  expect(asInContract.headers.get('link')).toBe(last.headers.get('link'));
  const one = await edge.send('/api/v2/products/lantern');
  expect([one.headers.get('link'), one.json._links.next]).toEqual([null, undefined]);
});

it.each(['v1', 'v2'])('names the token of a page as the document of %s does', async (version) => {
  const document = await edge.send(version === 'v2' ? '/openapi.json' : `/openapi.${version}.json`);
  const { parameters } = document.json.paths[`/api/${version}/products`].get;
  const next = (await edge.send(`/api/${version}/products`)).json._links.next.href as string;
  const names = [...new URL(next, edge.http).searchParams.keys()];
  expect(parameters.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(names));
});

it('offers what can be done with an order now, to those who may', async () => {
  const links = async (token: string) =>
    Object.keys((await edge.send(`/api/v2/orders/${ORDER_ID}`, { as: token })).json._links);
  status = OrderStatus.ORDER_STATUS_PLACED;
  expect(await links(alice)).toEqual(['self', 'events', 'watch', 'cancel', 'payment', 'customer']);
  expect(await links(admin)).toContain('saga');
  status = OrderStatus.ORDER_STATUS_COMPLETED;
  expect(await links(alice)).toEqual(['self', 'events', 'return', 'payment', 'tracking', 'customer']);
});

it('offers of each order in a list what it offers by itself, to those who may', async () => {
  for (status of [OrderStatus.ORDER_STATUS_PLACED, OrderStatus.ORDER_STATUS_COMPLETED]) {
    for (const as of [alice, admin]) {
      const { _links: alone } = (await edge.send(`/api/v2/orders/${ORDER_ID}`, { as })).json;
      const { orders } = (await edge.send('/api/v2/orders', { as })).json;
      expect(orders.map(({ _links }: { _links: object }) => _links)).toEqual([alone]);
      expect(Object.keys(alone).includes('saga')).toBe(as === admin);
    }
  }
  const { products } = (await edge.send('/api/v2/products')).json;
  expect(products[3]._links).toEqual({ self: { href: '/api/v2/products/lantern-3' } });
});

it('has lists in the names of its first version, with links that lead there', async () => {
  const { users, _links } = (await edge.send('/api/v1/users?pageSize=5', { as: admin })).json;
  expect(users[0].emailAddress).toBe('alice@people.example');
  expect(users[0]._links.self.href).toBe(`/api/v1/users/${ALICE}`);
  expect(users[0]._links.delete).toEqual({ href: `/api/v1/users/${ALICE}`, method: 'DELETE' });
  expect(_links).toEqual({ self: { href: '/api/v1/users?pageSize=5' } });
});
