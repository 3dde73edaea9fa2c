import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { createWeft, WeftError } from '@weft/client';
import { OrderStatus } from '@weft/gen/es/weft/orders/v1/orders_pb';

/** What a page does for whoever buys with it; a browser runs it. */
export interface Visit {
  readonly protocol: 'connect' | 'grpc-web';
  readonly gateway: string;
  readonly email: string;
  readonly password: string;
  readonly productId: string;
}

/** What came of it. */
export interface Outcome {
  readonly titles: readonly string[];
  readonly orderId: string;
  readonly statuses: readonly string[];
  readonly refused: string;
}

async function visit({ protocol, gateway, email, password, productId }: Visit): Promise<Outcome> {
  const options = { baseUrl: gateway };
  const transport = protocol === 'connect' ? createConnectTransport(options) : createGrpcWebTransport(options);
  const weft = createWeft({ transport });
  await weft.session.signIn({ email, password });
  const { products } = await weft.catalog.listProducts({});
  const lines = [{ productId, quantity: 1n }];
  const { order } = await weft.orders.placeOrder({ lines, paymentMethodToken: 'tok_approved' });
  const orderId = order?.orderId ?? '';
  const statuses: string[] = [];
  for await (const { status } of weft.orders.watchOrder({ orderId })) statuses.push(OrderStatus[status] ?? '');
  const refused = await weft.orders.getOrder({ orderId: crypto.randomUUID() }).then(
    () => '',
    (error: unknown) => (error instanceof WeftError ? error.reason : String(error)),
  );
  await weft.session.signOut();
  return { titles: products.map(({ title }) => title), orderId, statuses, refused };
}

Object.assign(globalThis, {
  visit: (one: Visit) => visit(one).catch((error: unknown) => Promise.reject(new Error(String(error)))),
});
