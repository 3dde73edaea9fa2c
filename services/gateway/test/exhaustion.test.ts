import { once } from 'node:events';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, freePort } from '@weft/kit/testing';
import { makeCertificate } from './certificate.ts';
import { type Edge, openEdge } from './fixture.ts';
import { order, product } from './stubs.ts';

let edge: Edge;
let alice: string;
let called = 0;
const SLOW_ORDER = '0198f0a0-0000-7000-8000-0000000000ff';
const port = () => Number(new URL(edge.http).port);

beforeAll(async () => {
  const placed = async () => {
    called += 1;
    return { order: order() };
  };
  edge = await openEdge(
    {
      catalog: {
        getProduct: async ({ productId }) => {
          called += 1;
          if (productId === 'slow') await delay(300);
          return { product: product() };
        },
      },
      orders: {
        getOrder: async ({ orderId }) => {
          if (orderId === SLOW_ORDER) await delay(300);
          return placed();
        },
        placeOrder: placed,
      },
    },
    {
      RATE_LIMIT: '100000/60',
      RATE_LIMITS: 'weft.orders.v1.OrdersService/PlaceOrder=1000/60',
      HEADERS_TIMEOUT_MS: '700',
      REQUEST_TIMEOUT_MS: '700',
      MAX_CONNECTIONS: '300',
    },
  );
  alice = await edge.token();
});
afterAll(() => edge?.stop());

describe('a client in a hurry', () => {
  const GET_PRODUCT = '/weft.catalog.v1.CatalogService/GetProduct';
  const hurried = (timeout: string, productId: string) =>
    edge.send(GET_PRODUCT, {
      method: 'POST',
      headers: { 'connect-timeout-ms': timeout, 'connect-protocol-version': '1' },
      body: JSON.stringify({ productId }),
    });

  it.each([
    ['no time at all', '0', 'lantern'],
    ['less time than it takes', '20', 'slow'],
  ])('that gives a service %s keeps nobody else from it', async (_, timeout, productId) => {
    for (let n = 0; n < 7; n++) {
      const { status, json } = await hurried(timeout, productId);
      expect([status, json.code]).toEqual([504, 'deadline_exceeded']);
    }
    expect((await edge.send('/api/v2/products/lantern')).status).toBe(200);
    expect((await edge.send('/api/v2/products/another')).status).toBe(200);
  });

  it('of which no copy is kept keeps nobody else from the service either', async () => {
    for (let n = 0; n < 7; n++) {
      const { status } = await edge.send('/weft.orders.v1.OrdersService/GetOrder', {
        method: 'POST',
        as: alice,
        headers: { 'connect-timeout-ms': '50', 'connect-protocol-version': '1' },
        body: JSON.stringify({ orderId: SLOW_ORDER }),
      });
      expect(status).toBe(504);
    }
    expect((await edge.send(`/api/v2/orders/${SLOW_ORDER}`, { as: alice })).status).toBe(200);
  });

  it('is refused before the service is asked when it gives it no time', async () => {
    const before = called;
    expect((await hurried('0', 'unheard-of')).status).toBe(504);
    const session = http2.connect(edge.h2c);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/weft.orders.v1.OrdersService/GetOrder',
      'content-type': 'application/grpc',
      authorization: `Bearer ${alice}`,
      'grpc-timeout': '0m',
    });
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
    stream.resume();
    const [trailers] = await once(stream, 'trailers');
    session.destroy();
    expect(trailers['grpc-status']).toBe('4');
    expect(called).toBe(before);
  });
});

describe('connections', () => {
  const isServed = async () => (await edge.send('/api/v2/products/lantern')).status === 200;

  it('that send their headers or their body drop by drop are closed', async () => {
    const slow = async (text: string) => {
      const socket = connect(port(), '127.0.0.1');
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(text);
      const drip = setInterval(() => socket.write('a'), 100);
      await once(socket, 'close');
      clearInterval(drip);
      return answer;
    };
    const [headers, body] = await Promise.all([
      slow('GET /api/v2/products/lantern HTTP/1.1\r\nHost: shop\r\nX: '),
      slow(
        `POST /api/v2/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer ${alice}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
      ),
    ]);
    expect(headers).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(body).toMatch(/^HTTP\/1\.1 408 /);
    expect(await isServed()).toBe(true);
  });

  const FRAMED = { 'content-type': 'application/grpc', te: 'trailers' };
  it.each<[string, string, Record<string, string>]>([
    ['by REST', '/api/v2/orders', { 'content-type': 'application/json' }],
    ['by Connect with JSON', '/weft.orders.v1.OrdersService/PlaceOrder', { 'content-type': 'application/json' }],
    ['by Connect, encoded', '/weft.orders.v1.OrdersService/PlaceOrder', { 'content-type': 'application/proto' }],
    ['by gRPC', '/weft.orders.v1.OrdersService/PlaceOrder', FRAMED],
    ['by gRPC, compressed', '/weft.orders.v1.OrdersService/PlaceOrder', { ...FRAMED, 'grpc-encoding': 'gzip' }],
    ['by gRPC, for a stream', '/weft.orders.v1.OrdersService/WatchOrder', FRAMED],
    ['by reflection', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', FRAMED],
    ['to the health check', '/grpc.health.v1.Health/Check', FRAMED],
  ])('that send a body drop by drop over HTTP/2 %s have their stream ended', async (_, path, headers) => {
    const before = called;
    const session = http2.connect(edge.h2c);
    const stream = session.request({ ':method': 'POST', ':path': path, authorization: `Bearer ${alice}`, ...headers });
    stream.on('error', () => {});
    stream.resume();
    const start = performance.now();
    // The head of a message that says that it is longer than all that comes.
    stream.write(Buffer.from([0, 0, 0, 1, 0]));
    const drip = setInterval(() => stream.write('a'), 100);
    await once(stream, 'close');
    clearInterval(drip);
    session.destroy();
    expect(performance.now() - start).toBeLessThan(4000);
    expect(called).toBe(before);
  });

  it('that are idle, far more than there may be, keep nobody out for long', async () => {
    const sockets: Socket[] = [];
    for (let n = 0; n < 10_000; n++) {
      const socket = connect(port(), '127.0.0.1').resume();
      socket.on('error', () => {});
      if (n % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
      sockets.push(socket);
    }
    try {
      await eventually(isServed, 15_000);
      // Those that were let in have said nothing: they are closed.
      await eventually(() => sockets.slice(0, 300).every((one) => one.destroyed), 15_000);
      expect(await isServed()).toBe(true);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it('that reset stream after stream are ended, and others are served', async () => {
    const session = http2.connect(edge.h2c);
    session.on('error', () => {});
    const closed = new Promise((resolve) => session.once('close', resolve));
    const flood = setInterval(() => {
      for (let n = 0; n < 200 && !session.destroyed; n++) {
        const stream = session.request({ ':path': '/api/v2/products/lantern' });
        stream.on('error', () => {});
        stream.close(http2.constants.NGHTTP2_CANCEL);
      }
    }, 5);
    await closed;
    clearInterval(flood);
    expect(await isServed()).toBe(true);
  });
});

describe('connections of one address that each have spoken once', () => {
  const [MOST, QUARTER] = [60, 15];
  const opened: { destroy(): void }[] = [];
  const certificate = makeCertificate();
  let ports: Record<string, number>;
  let full: Edge;

  const start = async (env: Record<string, string>) => {
    const tls = await freePort();
    full = await openEdge(
      {},
      {
        GATEWAY_TLS_PORT: `${tls}`,
        GATEWAY_TLS_CERT_FILE: certificate.cert,
        GATEWAY_TLS_KEY_FILE: certificate.key,
        MAX_CONNECTIONS: `${MOST}`,
        ...env,
      },
    );
    ports = { 'HTTP/1.1': Number(new URL(full.http).port), h2c: Number(new URL(full.h2c).port), TLS: tls };
  };
  afterEach(async () => {
    for (const one of opened.splice(0)) one.destroy();
    await full?.stop();
  });
  afterAll(certificate.remove);

  /** Whether a new connection is answered; it stays open then. */
  async function isAnswered(kind: string, localAddress: string): Promise<boolean> {
    const to = { host: '127.0.0.1', port: ports[kind] as number, localAddress };
    if (kind === 'HTTP/1.1') {
      const socket = connect(to);
      opened.push(socket);
      socket.write('GET /nothing HTTP/1.1\r\nHost: shop\r\n\r\n');
      return new Promise((resolve) => {
        socket.on('error', () => {}).once('close', () => resolve(false));
        socket.once('data', () => resolve(true));
      });
    }
    const createConnection = () =>
      kind === 'TLS' ? connectTls({ ...to, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : connect(to);
    const session = http2.connect('http://shop', { createConnection });
    opened.push(session);
    const stream = session.request({ ':path': '/nothing' });
    stream.on('error', () => {}).resume();
    return new Promise((resolve) => {
      session.on('error', () => {}).once('close', () => resolve(false));
      stream.once('response', () => resolve(true));
    });
  }

  async function answeredOf(count: number, kind: string, address: string): Promise<number> {
    const all = await Promise.all(Array.from({ length: count }, () => isAnswered(kind, address)));
    return all.filter(Boolean).length;
  }

  // Elsewhere than on Linux there is one address of loopback.
  const onLinux = process.platform === 'linux' ? it.each : it.skip.each;
  onLinux(['HTTP/1.1', 'h2c', 'TLS'])('keep nobody else out: %s', async (kind) => {
    await start({});
    expect(await answeredOf(MOST + 10, kind, '127.0.0.1')).toBe(QUARTER);
    expect(await isAnswered(kind, '127.0.0.2')).toBe(true);
    for (const one of opened.splice(0)) one.destroy();
    await eventually(() => isAnswered(kind, '127.0.0.1'));
  });

  it('are as many as are set', async () => {
    await start({ MAX_CONNECTIONS_EACH: '2' });
    expect(await answeredOf(5, 'HTTP/1.1', '127.0.0.1')).toBe(2);
  });

  it('are all there may be where that is the address of a proxy', async () => {
    await start({ TRUSTED_PROXIES: '1' });
    expect(await answeredOf(MOST, 'HTTP/1.1', '127.0.0.1')).toBe(MOST);
  });
});
