import { once } from 'node:events';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseObject } from '../src/rest/json-text.ts';
import { type Edge, openEdge } from './fixture.ts';
import { ORDER_ID, order, person, product } from './stubs.ts';

let edge: Edge;
let alice: string;
let called = 0;
const port = () => Number(new URL(edge.http).port);

beforeAll(async () => {
  edge = await openEdge(
    {
      catalog: {
        getProduct: async () => {
          called += 1;
          return { product: product() };
        },
      },
      orders: {
        getOrder: async () => {
          called += 1;
          return { order: order() };
        },
        placeOrder: async () => {
          called += 1;
          return { order: order() };
        },
      },
      users: {
        register: async () => {
          called += 1;
          return { user: person() };
        },
      },
    },
    {
      RATE_LIMIT: '100000/60',
      RATE_LIMITS: 'weft.orders.v1.OrdersService/PlaceOrder=1000/60',
      HEADERS_TIMEOUT_MS: '700',
      REQUEST_TIMEOUT_MS: '700',
    },
  );
  alice = await edge.token();
});
afterAll(() => edge?.stop());

/** What a server answers to bytes, until it closes. */
async function raw(text: string | Buffer, close = false): Promise<string> {
  const socket = connect(port(), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  if (close) socket.end();
  await once(socket, 'close');
  return answer;
}

const place = (body: string, headers: Record<string, string> = {}) =>
  edge.send('/api/v2/orders', { method: 'POST', as: alice, body, headers });
const call = (method: string, body: string) =>
  edge.send(`/weft.orders.v1.OrdersService/${method}`, { method: 'POST', as: alice, body });

describe('paths', () => {
  it.each([
    '/api/v2/../../etc/passwd',
    '/api/v2/products/..%2f..%2fetc',
    '/api/v2/products/%2e%2e',
    '/api/v2/products/%00',
    '/api/v2/products/%c0%af',
    '/api/v2/products/%',
    '/api/v2//products/lantern',
    '/api/v2/products/lantern/',
    '/api/v2/products/lan\\tern',
    `/api/v2/orders/${ORDER_ID}%3Acancel`,
    '/api/v2/orders/..;/products',
    `/api/v2${'/a'.repeat(1000)}`,
    '/API/v2/products/lantern',
    '/api/v3/products/lantern',
    'http://evil.example/api/v2/products/lantern',
    '*',
  ])('%s leads nowhere', async (path) => {
    const before = called;
    const answer = await raw(
      `GET ${path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer ${alice}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 4(00|04|22) /);
    expect(called).toBe(before);
  });
});

describe('bodies', () => {
  const lines =
    '"lines":[{"productId":"lantern","quantity":"1"}],"paymentMethodToken":"tok_approved","idempotencyKey":"k"';
  it.each([
    ['', 'customerId', `{${lines},"customerId":"${ORDER_ID}","customerId":"${ORDER_ID}"}`],
    [' in both its spellings', 'customerId', `{${lines},"customerId":"${ORDER_ID}","customer_id":"${ORDER_ID}"}`],
    [' further in', 'quantity', `{${lines.replace('"1"', '"1","quantity":"2"')}}`],
    [' by an escape', 'customerId', `{${lines},"customerId":"${ORDER_ID}","customer\\u0049d":"${ORDER_ID}"}`],
  ])('with a key twice%s are refused for that, by REST and by Connect', async (_, field, body) => {
    const before = called;
    const { status, json } = await place(body);
    expect([status, json.errors]).toEqual([400, [expect.objectContaining({ field, rule: 'json.duplicate' })]]);
    const { code, message } = (await call('PlaceOrder', body)).json;
    expect([code, message]).toEqual(['invalid_argument', expect.stringMatching(/duplicate|multiple times/)]);
    expect(called).toBe(before);
  });

  it.each([
    ['__proto__', `{${lines},"__proto__":{"customerId":"x"}}`],
    ['constructor', `{${lines},"constructor":{"prototype":{"admin":true}}}`],
    ['what is no field', `{${lines},"isAdmin":true}`],
    ['an array', '[]'],
    ['null', 'null'],
    ['no JSON', '{"lines":'],
    ['half a surrogate', '{"lines":"\\ud800"}'],
    ['a number that is none', `{"lines":[{"productId":"lantern","quantity":1e400}]}`],
    ['a depth of 100,000', `{"lines":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a version of nobody', `{${lines},"saga_style":99999999999}`],
  ])('with %s are refused by REST and by Connect, and change nothing', async (_, body) => {
    const before = called;
    expect([400, 422]).toContain((await place(body)).status);
    const { status, json } = await call('PlaceOrder', body);
    expect([status, json.code]).toEqual([400, 'invalid_argument']);
    expect(called).toBe(before);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  const TEN_MEGABYTES = 10 * 1024 * 1024;

  it('of ten megabytes are refused with 413 as soon as that is declared', async () => {
    const before = called;
    const head = `POST /api/v2/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer ${alice}\r\nContent-Type: application/json\r\n`;
    expect(await raw(`${head}Content-Length: ${TEN_MEGABYTES}\r\n\r\n{`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(called).toBe(before);
  });

  it.each([
    ['REST', '/api/v2/orders', 'application/json', 413],
    ['Connect with JSON', '/weft.orders.v1.OrdersService/PlaceOrder', 'application/json', 429],
    ['Connect', '/weft.orders.v1.OrdersService/PlaceOrder', 'application/proto', 429],
    ['gRPC-Web', '/weft.orders.v1.OrdersService/PlaceOrder', 'application/grpc-web+proto', '8'],
    ['gRPC', '/weft.orders.v1.OrdersService/PlaceOrder', 'application/grpc', '8'],
  ])('of ten megabytes are refused by %s as too much', async (_, path, type, expected) => {
    const before = called;
    const session = http2.connect(edge.h2c);
    session.on('error', () => {});
    const headers = { 'content-type': type, authorization: `Bearer ${alice}`, te: 'trailers' };
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    stream.on('error', () => {});
    let body = '';
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on('trailers', (last) => {
      trailers = last;
    });
    stream.setEncoding('latin1').on('data', (chunk) => {
      body += chunk;
    });
    const answered = once(stream, 'response');
    const ended = new Promise((resolve) => stream.once('close', resolve));
    const length = Buffer.from([0, 0, 0xa0, 0, 0]);
    stream.write(type.includes('grpc') ? length : Buffer.from(type.endsWith('json') ? '{"a":"' : [0x0a, 0x80]));
    stream.end(Buffer.alloc(TEN_MEGABYTES, 'x'));
    const [answer] = await answered;
    await ended;
    session.destroy();
    const status = type.includes('grpc')
      ? (trailers['grpc-status'] ?? /grpc-status: ?(\d+)/.exec(body)?.[1])
      : answer[':status'];
    expect(status).toBe(expected);
    expect(called).toBe(before);
  });

  it('of another type, or compressed, are refused with 415', async () => {
    expect((await place('<order/>', { 'content-type': 'application/xml' })).status).toBe(415);
    expect((await place('{}', { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('are read in time that grows with their length alone', () => {
    const time = (size: number) => {
      const text = Buffer.from(`{"a":"${'\\\\'.repeat(size)}","b":[${'{},'.repeat(size)}{}]}`);
      const start = performance.now();
      parseObject(text);
      return performance.now() - start;
    };
    time(1000);
    expect(time(400_000)).toBeLessThan(4000);
  });
});

it.each([
  '__proto__.admin=true',
  '__proto__[admin]=true',
  'constructor.prototype.admin=true',
  'customerId.__proto__.admin=true',
  'toString=x',
])('the query %s is no parameter, and leaves nothing behind', async (query) => {
  const { status, json } = await edge.send(`/api/v2/orders?${query}`, { as: alice });
  expect([status, json.errors[0].rule]).toEqual([400, 'query.unknown']);
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
});

describe('expressions', () => {
  const long = (text: string) => text.repeat(Math.floor(7000 / text.length));
  it.each([
    ['a page token', `/api/v2/products?page_token=${long('=')}`],
    ['an enum', `/api/v2/orders?status=${long('ORDER_STATUS_')}`],
    ['a name with many dots', `/api/v2/products?${long('a.')}b=1`],
    ['a name with many underscores', `/api/v2/products?${long('_a')}=1`],
    ['escapes', `/api/v2/products?page_token=${long('%25')}`],
    ['many parameters', `/api/v2/products?${long('a=&')}`],
    ['an id', `/api/v2/products/${long('a-')}`],
    ['an id of another kind', `/api/v2/orders/${long('0198f0a0-')}`],
    ['colons', `/api/v2/orders/${long(':a')}`],
    ['slashes', `/api/v2${long('/orders')}`],
    ['a search', `/api/v2/products:search?query=${long('a+')}!`],
    ['a view', `/api/v2/orders/${ORDER_ID}?view=${long('full')}`],
  ])('are not kept busy by %s in a path or a query', async (_, path) => {
    const before = called;
    const start = performance.now();
    const { status } = await edge.send(path, { as: alice });
    expect(performance.now() - start).toBeLessThan(2000);
    expect([400, 404, 422]).toContain(status);
    expect(called).toBe(before);
  });

  it.each([
    ['an e-mail address', { email: `${'a'.repeat(200_000)}@` }],
    ['an e-mail address of dots', { email: `${'a.'.repeat(100_000)}@a` }],
    ['an e-mail address of hosts', { email: `a@${'a-'.repeat(100_000)}` }],
    ['a name of spaces', { fullName: `${' '.repeat(200_000)}x` }],
    ['a name of escapes', { fullName: '\\'.repeat(200_000) }],
  ])('are not kept busy by %s in a body', async (_, wrong) => {
    const before = called;
    const newcomer = { email: 'a@shop.example', fullName: 'A', password: 'correct horse', ...wrong };
    const start = performance.now();
    const { status } = await edge.send('/api/v2/users', { method: 'POST', body: JSON.stringify(newcomer) });
    expect(performance.now() - start).toBeLessThan(2000);
    expect(status).toBe(422);
    expect(called).toBe(before);
  });
});

describe('headers', () => {
  it.each([
    ['if-none-match', `${'"a",'.repeat(3000)}`],
    ['accept-encoding', `${'gzip;q=0 '.repeat(1000)}`],
    ['if-match', `"v${'1'.repeat(8000)}`],
    ['authorization', `Bearer${' '.repeat(8000)}x`],
    ['x-correlation-id', `${'a'.repeat(8000)}!`],
    ['traceparent', `00-${'0'.repeat(8000)}`],
    ['content-type', `application/${'a'.repeat(8000)}json`],
  ])('%s that would keep an expression busy do not', async (name, value) => {
    const start = performance.now();
    await edge.send('/api/v2/products/lantern', { headers: { [name]: value } });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('larger than 16 KB are refused with 431', async () => {
    const answer = await raw(`GET /api/v2/products/lantern HTTP/1.1\r\nHost: shop\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('request smuggling', () => {
  const head =
    'POST /api/v2/orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nAuthorization: Bearer ALICE\r\n';
  const smuggled = 'GET /api/v2/products/lantern HTTP/1.1\r\nHost: shop\r\n\r\n';
  it.each([
    ['both lengths', `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['two lengths', `${head}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`],
    ['an encoding that is none', `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a space before the colon', `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a bare line feed', `${head}Transfer-Encoding: chunked\n\r\n0\r\n\r\n${smuggled}`],
    ['a folded header', `${head}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a chunk size that is none', `${head}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${smuggled}`],
    ['a length with a sign', `${head}Content-Length: +44\r\n\r\n${smuggled}`],
    ['a list of lengths', `${head}Content-Length: 44, 44\r\n\r\n${smuggled}`],
    ['a length that is no number', `${head}Content-Length: 0x2c\r\n\r\n${smuggled}`],
    ['an encoding after chunked', `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`],
    ['an encoding in quotes', `${head}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a chunk longer than it says', `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${smuggled}`],
    ['a name with a NUL', `${head}Transfer-Encoding\0: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['two hosts', `${head}Host: evil\r\nContent-Length: 0\r\n\r\n${smuggled}`],
    ['no host', `GET /api/v2/products/lantern HTTP/1.1\r\n\r\n`],
  ])('with %s is refused, and what follows is not read', async (_, text) => {
    const before = called;
    const answer = await raw(text.replace('ALICE', alice));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 200/)).toBeNull();
    expect(called).toBe(before);
  });
});
