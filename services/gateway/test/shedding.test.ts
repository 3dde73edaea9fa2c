import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ErrorInfoSchema, RetryInfoSchema } from '@weft/gen/es/google/rpc/error_details_pb';
import { Health, HealthCheckResponse_ServingStatus as Serving } from '@weft/gen/es/grpc/health/v1/health_pb';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { eventually } from '@weft/kit/testing';
import { openEdgeApart, type Sent } from './fixture.ts';
import { ORDER_ID, order, product } from './stubs.ts';

let edge: Awaited<ReturnType<typeof openEdgeApart>>;
let alice: string;
const overloaded = Promise.withResolvers<void>();
let held = Promise.withResolvers<void>();
let watched = false;

/** What takes a gateway a while to read, and is wrong at its end. */
const lines = Array(25_000).fill({ productId: 'lantern', quantity: '1' });
const HEAVY = Buffer.from(JSON.stringify({ lines, nonsense: true }));

beforeAll(async () => {
  edge = await openEdgeApart(
    {
      catalog: { getProduct: async () => ({ product: product() }) },
      orders: {
        placeOrder: async () => {
          await held.promise;
          return { order: order() };
        },
        async *watchOrder() {
          watched = true;
          const change = { orderId: ORDER_ID, reason: '', changeTime: undefined, paymentStatus: 1, status: 1 } as const;
          yield { ...change, version: 1n, resumeToken: 'before' };
          await overloaded.promise;
          yield { ...change, version: 2n, resumeToken: 'after' };
        },
      },
    },
    {
      SHED_DELAY_MS: '60',
      CACHE: 'false',
      REQUEST_TIMEOUT_MS: '60000',
      BREAKER_FAILURES: '1000',
      RATE_LIMIT: '1000000/60',
      RATE_LIMITS:
        'weft.catalog.v1.CatalogService/GetProduct=1000000/60,weft.orders.v1.OrdersService/PlaceOrder=1000000/60',
    },
  );
  alice = await edge.token();
});
afterAll(() => edge?.stop());

const ordering = () => ({ method: 'POST', as: alice, headers: { 'idempotency-key': 'one' } });

/** A stream that has got to its service. */
async function watch(): Promise<{ readonly answer: Promise<Sent> }> {
  for (;;) {
    const answer = edge.send(`/api/v2/orders/${ORDER_ID}:watch`, { as: alice });
    const outcome = await Promise.race([answer, eventually(() => watched).then(() => undefined)]);
    if (!outcome) return { answer };
    expect(toldBy(outcome)).toEqual(OVERLOADED);
  }
}

/** An order that is in hand while another call is refused, and is answered after that. */
async function outlast(refusal: () => Promise<boolean>): Promise<void> {
  const body = { lines: [{ productId: 'lantern', quantity: '1' }], paymentMethodToken: 'tok_approved' };
  held = Promise.withResolvers();
  let answer: Sent | undefined;
  const order = edge.send('/api/v2/orders', { ...ordering(), body: JSON.stringify(body) }).then((one) => {
    answer = one;
    return one;
  });
  while (!(await refusal())) if (answer) throw new Error(`the order was refused or too late: ${answer.status}`);
  held.resolve();
  const { status, json } = await order;
  expect([status, json.order?.orderId]).toEqual([202, ORDER_ID]);
}

const AT_ONCE = 4;

/** So many clients at once who each send a heavy order again and again, until they are told to stop; gives all that they were answered. */
async function load(done: AbortSignal): Promise<Sent[]> {
  const answers: Sent[] = [];
  const client = async () => {
    while (!done.aborted) answers.push(await edge.send('/api/v2/orders', { ...ordering(), body: HEAVY }));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return answers;
}

const OVERLOADED = [503, 'OVERLOADED', '1'];
const toldBy = ({ status, json, headers }: Sent) => [status, json?.reason, headers.get('retry-after')];

const TRANSPORTS = {
  Connect: () => createConnectTransport({ baseUrl: edge.http, httpVersion: '1.1' }),
  'Connect with JSON': () => createConnectTransport({ baseUrl: edge.http, httpVersion: '1.1', useBinaryFormat: false }),
  'gRPC-Web': () => createGrpcWebTransport({ baseUrl: edge.http, httpVersion: '1.1' }),
  gRPC: () => createGrpcTransport({ baseUrl: edge.h2c }),
};

it('refuses what comes while it is late, by every protocol; it says that it is well, ends what it has begun, and takes more as soon as it can', async () => {
  const stream = await watch();
  const done = new AbortController();
  const loading = load(done.signal);
  const health = createClient(Health, TRANSPORTS.gRPC());
  const isWell = async () => {
    const { status } = await health.check({}, { timeoutMs: 10_000 });
    const probes = await Promise.all(['/livez', '/readyz'].map((path) => fetch(edge.booted.ops('gateway') + path)));
    expect([status, ...probes.map((probe) => probe.status)]).toEqual([Serving.SERVING, 200, 200]);
  };
  try {
    await eventually(
      () =>
        outlast(async () => {
          const [refused] = await Promise.all([edge.send('/api/v2/products/lantern'), isWell()]);
          if (refused.status !== 503) return false;
          expect(toldBy(refused)).toEqual(OVERLOADED);
          return true;
        }),
      40_000,
    );
    overloaded.resolve();
    for (const [name, transport] of Object.entries(TRANSPORTS)) {
      const client = createClient(CatalogService, transport());
      const refused = await eventually(async () => {
        const call = client.getProduct({ productId: 'lantern' });
        const [error] = await Promise.all([call.then(() => undefined, ConnectError.from), isWell()]);
        if (error?.code === Code.Unavailable) return error;
        throw error ?? new Error('it is taken');
      }, 20_000);
      const [info] = refused.findDetails(ErrorInfoSchema);
      const [retry] = refused.findDetails(RetryInfoSchema);
      expect([name, info?.reason, retry?.retryDelay?.seconds]).toEqual([name, 'OVERLOADED', 1n]);
    }
    expect((await stream.answer).text.match(/^id: \w+$/gm)).toEqual(['id: before', 'id: after']);
  } finally {
    overloaded.resolve();
    held.resolve();
    done.abort();
  }
  const answers = await loading;
  const read = answers.filter(({ json }) => json.reason !== 'OVERLOADED');
  expect(read.length).toBeGreaterThan(0);
  for (const { status, json } of read) expect([status, json.errors[0].field]).toEqual([400, 'nonsense']);
  await eventually(async () => (await edge.send('/api/v2/products/lantern')).status === 200);
}, 90_000);
