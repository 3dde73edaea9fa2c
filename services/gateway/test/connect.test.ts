import { once } from 'node:events';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ErrorInfoSchema } from '@weft/gen/es/google/rpc/error_details_pb';
import { Health, HealthCheckResponse_ServingStatus } from '@weft/gen/es/grpc/health/v1/health_pb';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { currentContext } from '@weft/kit/context';
import { DomainError } from '@weft/kit/failure';
import { eventually } from '@weft/kit/testing';
import { type Edge, openEdge } from './fixture.ts';
import { ORDER_ID, order, product } from './stubs.ts';

let edge: Edge;
let alice: string;
const seen: { deadline: number; token: string | undefined; correlationId: string | undefined }[] = [];
const stopped: string[] = [];
const searches: string[] = [];

beforeAll(async () => {
  edge = await openEdge({
    catalog: {
      getProduct: async ({ productId }) => {
        if (productId !== 'lantern') throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'no such product');
        return { product: product() };
      },
      searchProducts: ({ query }, { signal }) =>
        new Promise((_, reject) => {
          searches.push(query);
          signal.addEventListener('abort', () => {
            stopped.push('search');
            reject(new Error('stopped'));
          });
        }),
    },
    orders: {
      getOrder: async () => {
        const context = currentContext();
        seen.push({
          deadline: (context?.deadline ?? 0) - Date.now(),
          token: context?.token,
          correlationId: context?.correlationId,
        });
        return { order: order() };
      },
      watchOrder: async function* (_, { signal }) {
        const change = { orderId: ORDER_ID, reason: '', changeTime: undefined, paymentStatus: 1 as const };
        yield { ...change, status: 1 as const, version: 1n, resumeToken: 'one' };
        yield { ...change, status: 2 as const, version: 2n, resumeToken: 'two' };
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        stopped.push('watch');
      },
    },
  });
  alice = await edge.token();
});
afterAll(() => edge?.stop());

const TRANSPORTS = {
  'Connect over HTTP/1.1': () => createConnectTransport({ baseUrl: edge.http, httpVersion: '1.1' }),
  'Connect with JSON': () => createConnectTransport({ baseUrl: edge.http, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect by GET': () => createConnectTransport({ baseUrl: edge.http, httpVersion: '1.1', useHttpGet: true }),
  'Connect over HTTP/2': () => createConnectTransport({ baseUrl: edge.h2c, httpVersion: '2' }),
  'gRPC-Web': () => createGrpcWebTransport({ baseUrl: edge.http, httpVersion: '1.1' }),
  gRPC: () => createGrpcTransport({ baseUrl: edge.h2c }),
};

describe.each(Object.keys(TRANSPORTS) as (keyof typeof TRANSPORTS)[])('%s', (name) => {
  const catalog = () => createClient(CatalogService, TRANSPORTS[name]());
  const orders = () => createClient(OrdersService, TRANSPORTS[name]());
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  it('reaches a method that is open to all', async () => {
    const answer = await catalog().getProduct({ productId: 'lantern' });
    expect(answer.product).toMatchObject({ title: 'Lantern', available: 7n, price: { minorUnits: 250n } });
  });

  it('passes on whom a call is for, and how long it may take', async () => {
    const answer = await orders().getOrder({ orderId: ORDER_ID }, { ...as(alice), timeoutMs: 1500 });
    expect(answer.order?.lines[0]?.quantity).toBe(2n);
    expect(seen.at(-1)?.token).toBe(alice);
    expect(seen.at(-1)?.deadline).toBeGreaterThan(0);
    expect(seen.at(-1)?.deadline).toBeLessThanOrEqual(1500);
  });

  it('tells a failure with its reason, and what the service found wrong', async () => {
    const absent = await failure(catalog().getProduct({ productId: 'none' }));
    expect(absent.code).toBe(Code.NotFound);
    expect(absent.findDetails(ErrorInfoSchema)[0]?.reason).toBe('PRODUCT_NOT_FOUND');
    expect((await failure(catalog().getProduct({ productId: '../etc' }))).code).toBe(Code.InvalidArgument);
    expect((await failure(orders().getOrder({ orderId: ORDER_ID }))).code).toBe(Code.Unauthenticated);
    const listed = await failure(catalog().batchGetProducts({ productIds: ['lantern'] }, as(alice)));
    expect(listed.code).toBe(Code.PermissionDenied);
  });

  it('does not know methods that only services may call', async () => {
    const refused = await failure(orders().confirmOrder({ orderId: ORDER_ID }, as(alice)));
    expect([Code.Unimplemented, Code.NotFound, Code.Unknown]).toContain(refused.code);
  });

  it('streams, and stops the work behind when the client has gone', async () => {
    const before = stopped.length;
    const leaving = new AbortController();
    const versions: bigint[] = [];
    await failure(
      (async () => {
        const changes = orders().watchOrder({ orderId: ORDER_ID }, { ...as(alice), signal: leaving.signal });
        for await (const change of changes) {
          versions.push(change.version);
          if (versions.length === 2) leaving.abort();
        }
      })(),
    );
    expect(versions).toEqual([1n, 2n]);
    await eventually(() => stopped.length === before + 1);
  });
});

it('stops the work behind when the client of a unary call hangs up, or its time is over', async () => {
  const client = createClient(CatalogService, TRANSPORTS.gRPC());
  const before = stopped.length;
  const late = await failure(client.searchProducts({ query: 'slow' }, { timeoutMs: 300 }));
  expect(late.code).toBe(Code.DeadlineExceeded);
  await eventually(() => stopped.length === before + 1);
  const leaving = new AbortController();
  const search = fetch(`${edge.http}/api/v2/products:search?query=slow`, { signal: leaving.signal });
  await eventually(() => searches.length === 2);
  leaving.abort();
  await expect(search).rejects.toThrow();
  await eventually(() => stopped.length === before + 2);
});

it.each([
  [0, false],
  [1, true],
])('goes on with the trace of a client behind %d proxies of ours: %s', async (proxies, goesOn) => {
  const traces: (string | undefined)[] = [];
  const watched = await openEdge(
    {
      catalog: {
        getProduct: async () => {
          traces.push(currentContext()?.trace.traceId);
          return { product: product() };
        },
      },
    },
    { TRUSTED_PROXIES: `${proxies}`, CACHE: 'false' },
  );
  try {
    const traceId = 'a'.repeat(32);
    await watched.send('/api/v2/products/lantern', { headers: { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` } });
    expect(traces).toHaveLength(1);
    expect(traces[0] === traceId).toBe(goesOn);
  } finally {
    await watched.stop();
  }
});

it('tells tools what it serves, and probes that it does', async () => {
  const channel = new Client(edge.booted.target('gateway'), credentials.createInsecure());
  const asIs = (bytes: Buffer) => bytes;
  try {
    const ask = channel.makeBidiStreamRequest('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', asIs, asIs);
    const listed = once(ask, 'data');
    // list_services: ""
    ask.write(Buffer.from([0x3a, 0x00]));
    ask.end();
    expect(String(await listed)).toContain('weft.orders.v1.OrdersService');
    const { status } = await createClient(Health, TRANSPORTS.gRPC()).check({ service: '' });
    expect(status).toBe(HealthCheckResponse_ServingStatus.SERVING);
  } finally {
    channel.close();
  }
});

it('takes a browser of an origin that is named, and no other', async () => {
  const named = await openEdge(
    { catalog: { getProduct: async () => ({ product: product() }) } },
    { CORS_ORIGINS: 'https://shop.example' },
  );
  try {
    const preflight = (origin: string) =>
      named.send('/weft.catalog.v1.CatalogService/GetProduct', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
    const welcome = await preflight('https://shop.example');
    expect([welcome.status, welcome.headers.get('access-control-allow-origin')]).toEqual([204, 'https://shop.example']);
    expect(welcome.headers.get('access-control-allow-headers')).toContain('connect-protocol-version');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  } finally {
    await named.stop();
  }
});

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => new ConnectError('it was not refused', Code.Internal),
    (error: unknown) => ConnectError.from(error),
  );
}
