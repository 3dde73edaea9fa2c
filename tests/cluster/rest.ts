import { randomUUID } from 'node:crypto';

const WITHIN_MS = 10_000;
/** A customer may place ten orders a minute through the gateway. */
const ORDER_EVERY_MS = 7_000;

interface Asked {
  readonly token?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is answered to a request of HTTP/1.1 with JSON, whatever its status. */
export function askByRest(base: string, path: string, { token, body, headers }: Asked = {}): Promise<Response> {
  return fetch(`${base}/api/v2/${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      ...headers,
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    signal: AbortSignal.timeout(WITHIN_MS),
  });
}

async function answered<T>(base: string, path: string, asked: Asked = {}): Promise<T> {
  const response = await askByRest(base, path, asked);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} ${response.status} ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

/** Who buys by REST alone. Each call is made once, and throws an Error that says what was answered instead. */
export type RestBuyer = ReturnType<typeof restBuyer>;

/** @param base http://host:port of the gateway, or of an ingress before it */
export function restBuyer(base: string, token: string) {
  return {
    token,
    /** Gives the order's id. */
    async place(productId: string, quantity = 1n): Promise<string> {
      const body = { lines: [{ productId, quantity: String(quantity) }], paymentMethodToken: 'tok_approved' };
      const headers = { 'idempotency-key': randomUUID() };
      const { order } = await answered<{ order: { orderId: string } }>(base, 'orders', { token, body, headers });
      return order.orderId;
    },
    /** Such as ORDER_STATUS_COMPLETED. */
    async statusOf(orderId: string): Promise<string> {
      return (await answered<{ order: { status: string } }>(base, `orders/${orderId}`, { token })).order.status;
    },
    product: (productId: string): Promise<object> => answered<object>(base, `products/${productId}`, { token }),
  };
}

/** A new customer, who has an account and a token by REST as well. */
export async function restCustomer(base: string): Promise<RestBuyer> {
  const login = { email: `${randomUUID()}@shop.example`, password: 'correct horse' };
  await answered(base, 'users', { body: { ...login, fullName: 'A Customer' } });
  const { accessToken } = await answered<{ accessToken: string }>(base, 'users:login', { body: login });
  return restBuyer(base, accessToken);
}

export type Call = <T>(method: string, answer: Promise<T>) => Promise<T | undefined>;

/** What a buyer does again and again: it reads, and orders as often as it may. `orders` are told what was taken. */
export function restTurns(buyer: RestBuyer, productId: string, call: Call, orders: string[]): () => Promise<void> {
  let due = 0;
  let last: string | undefined;
  return async () => {
    if (performance.now() >= due) {
      due = performance.now() + ORDER_EVERY_MS;
      last = await call('PlaceOrder by REST', buyer.place(productId));
      if (last !== undefined) orders.push(last);
    }
    if (last !== undefined) await call('GetOrder by REST', buyer.statusOf(last));
    await call('GetProduct by REST', buyer.product(productId));
  };
}
