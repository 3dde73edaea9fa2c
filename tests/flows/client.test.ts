import { Code } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { createConnectTransport as webTransport } from '@connectrpc/connect-web';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createWeft, type TokenStore, type Tokens, type Weft, WeftError } from '@weft/client';
import { OrderStatus, type WatchOrderResponse } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { openShop, type Shop } from './shop.ts';

const PASSWORD = 'correct horse';
const TOKEN_LIFE_MS = 15 * 60_000;

let shop: Shop;
let lantern: string;

beforeAll(async () => {
  shop = await openShop('all');
  lantern = await shop.product({ stock: 20n });
}, 90_000);
afterAll(() => shop?.booted.stop());

/** What a device keeps, and what else it may hold after a while. */
function keeper() {
  let kept: Tokens | undefined;
  const store: TokenStore = {
    load: async () => kept,
    save: async (tokens) => {
      kept = tokens;
    },
  };
  return {
    store,
    tokens: () => kept,
    spoilAccessToken: () => {
      const [head, claims, signature = ''] = kept?.accessToken.split('.') ?? [];
      const other = [head, claims, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`].join('.');
      if (kept) kept = { ...kept, accessToken: other };
      return other;
    },
  };
}

const refused = async (call: Promise<unknown>): Promise<WeftError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WeftError);
  return error as WeftError;
};

const TRANSPORTS = {
  'Connect by fetch': () => webTransport({ baseUrl: shop.booted.http('gateway') }),
  'gRPC over HTTP/2': () => createGrpcTransport({ baseUrl: `http://${shop.booted.target('gateway')}` }),
} as const;

describe.each(Object.keys(TRANSPORTS) as (keyof typeof TRANSPORTS)[])('@weft/client by %s', (name) => {
  const device = keeper();
  let weft: Weft;
  let clock = 0;
  let orderId = '';
  const open = () => createWeft({ transport: TRANSPORTS[name](), store: device.store, now: () => Date.now() + clock });
  const order = () => ({ lines: [{ productId: lantern, quantity: 2n }], paymentMethodToken: 'tok_approved' });

  beforeAll(async () => {
    weft = open();
    const email = `${crypto.randomUUID()}@shop.example`;
    const { user } = await weft.users.register({ email, password: PASSWORD, fullName: 'Ada' });
    await weft.session.signIn({ email, password: PASSWORD });
    expect(weft.session.userId).toBe(user?.userId);
  }, 30_000);

  it('places one order for one key, and follows it to its end', async () => {
    const idempotencyKey = crypto.randomUUID();
    const placed = await weft.orders.placeOrder({ ...order(), idempotencyKey });
    orderId = placed.order?.orderId ?? '';
    const again = await weft.orders.placeOrder({ ...order(), idempotencyKey });
    expect(again.order?.orderId).toBe(orderId);
    const seen: WatchOrderResponse[] = [];
    for await (const change of weft.orders.watchOrder({ orderId })) seen.push(change);
    expect(seen.at(-1)?.status).toBe(OrderStatus.COMPLETED);
    const { orders } = await weft.orders.listOrders({});
    expect(orders.map((one) => one.orderId)).toEqual([orderId]);
  }, 40_000);

  it('exchanges its tokens once when they are about to end, however many calls wait', async () => {
    const before = device.tokens();
    clock = TOKEN_LIFE_MS - 10_000;
    await Promise.all(Array.from({ length: 5 }, () => weft.orders.getOrder({ orderId })));
    clock = 0;
    const after = device.tokens();
    expect(after?.refreshToken).not.toBe(before?.refreshToken);
    expect(after?.accessToken).not.toBe(before?.accessToken);
    expect(after?.exchangeKey).toBeUndefined();
    const { order: read } = await weft.orders.getOrder({ orderId });
    expect(read?.status).toBe(OrderStatus.COMPLETED);
  });

  it('goes on after a restart, with another token than the one that is refused', async () => {
    const bad = device.spoilAccessToken();
    const { refreshToken } = device.tokens() as Tokens;
    weft = open();
    const { order: read } = await weft.orders.getOrder({ orderId });
    expect(read?.orderId).toBe(orderId);
    expect(device.tokens()?.accessToken).not.toBe(bad);
    expect(device.tokens()?.refreshToken).not.toBe(refreshToken);
  });

  it('is told by its reason what was refused, and changes nothing', async () => {
    const unknown = await refused(weft.orders.placeOrder({ ...order(), lines: [{ productId: 'none', quantity: 1n }] }));
    expect(unknown).toMatchObject({ code: Code.NotFound, reason: 'PRODUCT_NOT_FOUND' });
    const broken = await refused(weft.orders.placeOrder({ ...order(), lines: [] }));
    expect(broken.fields.map(({ field }) => field)).toEqual(['lines']);
    expect((await weft.orders.listOrders({})).orders).toHaveLength(1);
  });

  it('is signed out, here and at the server', async () => {
    const last = device.tokens() as Tokens;
    await weft.session.signOut();
    expect(device.tokens()).toBeUndefined();
    expect(await refused(weft.orders.getOrder({ orderId }))).toMatchObject({ reason: 'TOKEN_REQUIRED' });
    const ended = weft.users.refreshToken({ refreshToken: last.refreshToken });
    expect(await refused(ended)).toMatchObject({ code: Code.Unauthenticated, reason: 'REFRESH_TOKEN_INVALID' });
  });
});
