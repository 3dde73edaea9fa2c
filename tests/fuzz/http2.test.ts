import { once } from 'node:events';
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { status } from '@weft/kit/rpc';
import { type Served, stage } from '../../kit/test/rpc/stage.ts';

const { serveOne, after } = stage();
const { path, requestSerialize } = CatalogServiceService.searchProducts;
const message = requestSerialize({ query: 'lamp', pageSize: 0, pageToken: '' });
const MiB = 1024 * 1024;

let served: Served;
let calls = 0;
let session: ClientHttp2Session;
beforeEach(async () => {
  calls = 0;
  served = await serveOne(CatalogServiceService, CatalogService, {
    searchProducts: async () => {
      calls++;
      return { products: [], nextPageToken: '' };
    },
  });
  session = connect(`http://${served.target}`);
  session.on('error', () => {});
  after(() => session.destroy());
});

/** A gRPC frame, of which the flag and the length may be lies. */
function frame(body: Uint8Array, { flag = 0, length = body.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

interface Answer {
  readonly http?: number;
  /** Name of the gRPC status. */
  readonly code?: string;
  readonly text?: string;
}

function start(headers: OutgoingHttpHeaders) {
  const grpc = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  return session.request({ ...grpc, ...headers });
}

async function send(body: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  const stream = start(headers);
  const found: Record<string, unknown> = {};
  stream.on('response', (head) => Object.assign(found, head));
  stream.on('trailers', (tail) => Object.assign(found, tail));
  stream.on('error', () => {});
  stream.resume();
  if (body.length > 0) stream.end(body);
  else stream.end();
  await once(stream, 'close');
  const code = found['grpc-status'];
  return {
    http: found[':status'] as number,
    ...(code !== undefined && { code: status[Number(code)] ?? '', text: decodeURI(String(found['grpc-message'])) }),
  };
}

const stillServes = async () => expect(await send(frame(message))).toMatchObject({ code: 'OK' });

describe('a frame that is right', () => {
  it.each<[string, Uint8Array, OutgoingHttpHeaders]>([
    ['plain', frame(message), {}],
    ['compressed by gzip', frame(gzipSync(message), { flag: 1 }), { 'grpc-encoding': 'gzip' }],
    ['compressed by deflate', frame(deflateSync(message), { flag: 1 }), { 'grpc-encoding': 'deflate' }],
    ['plain with an encoding that it does not use', frame(message), { 'grpc-encoding': 'br' }],
  ])('is served (%s)', async (_, body, headers) => {
    expect(await send(body, headers)).toMatchObject({ http: 200, code: 'OK' });
    expect(calls).toBe(1);
  });
});

/**
 * What grpc-js answers by itself, before any code of ours: the only exception to INVALID_ARGUMENT with the field. None of it
 * reaches a handler.
 */
describe('a broken call, which grpc-js refuses by itself', () => {
  const none = 'one request message';
  it.each<[string, Uint8Array, OutgoingHttpHeaders, string, string]>([
    ['without a message', Buffer.alloc(0), {}, 'UNIMPLEMENTED', none],
    ['by GET', Buffer.alloc(0), { ':method': 'GET' }, 'UNIMPLEMENTED', none],
    ['with half a frame head', Buffer.from([0, 0, 0]), {}, 'UNIMPLEMENTED', none],
    ['with less than its frame says', frame(message, { length: 100 }), {}, 'UNIMPLEMENTED', none],
    ['with two messages', Buffer.concat([frame(message), frame(message)]), {}, 'UNIMPLEMENTED', 'one request message'],
    [
      'compressed in an unknown way',
      frame(message, { flag: 1 }),
      { 'grpc-encoding': 'br' },
      'UNIMPLEMENTED',
      'unsupported encoding "br"',
    ],
    [
      'compressed with something else',
      frame(message, { flag: 1 }),
      { 'grpc-encoding': 'gzip' },
      'INTERNAL',
      'Failed to decompress message',
    ],
    [
      'compressed and cut',
      frame(gzipSync(message).subarray(0, 15), { flag: 1 }),
      { 'grpc-encoding': 'gzip' },
      'INTERNAL',
      'Failed to decompress message',
    ],
    [
      'that grows to 100 MiB by gzip',
      frame(gzipSync(Buffer.alloc(100 * MiB)), { flag: 1 }),
      { 'grpc-encoding': 'gzip' },
      'RESOURCE_EXHAUSTED',
      'larger than 4194304',
    ],
    [
      'that grows to 100 MiB by deflate',
      frame(deflateSync(Buffer.alloc(100 * MiB)), { flag: 1 }),
      { 'grpc-encoding': 'deflate' },
      'RESOURCE_EXHAUSTED',
      'larger than 4194304',
    ],
    ['larger than four MiB', frame(Buffer.alloc(4 * MiB + 1)), {}, 'RESOURCE_EXHAUSTED', '4194305 vs 4194304'],
    [
      'that says it is of four GiB',
      frame(message, { length: 0xffffffff }),
      {},
      'RESOURCE_EXHAUSTED',
      '4294967295 vs 4194304',
    ],
    [
      'with a deadline that is none',
      frame(message),
      { 'grpc-timeout': 'soon' },
      'INTERNAL',
      'Invalid grpc-timeout value',
    ],
    [
      'to a method that is not there',
      frame(message),
      { ':path': '/weft.catalog.v1.CatalogService/Nothing' },
      'UNIMPLEMENTED',
      'does not implement',
    ],
    ['to no method', frame(message), { ':path': '/' }, 'UNIMPLEMENTED', 'does not implement'],
  ])('%s', async (_, body, headers, code, text) => {
    const answer = await send(body, headers);
    expect(answer).toMatchObject({ http: 200, code });
    expect(answer.text).toContain(text);
    expect(calls).toBe(0);
    await stillServes();
  });

  it.each(['application/json', 'text/html', ''])('of content type "%s" gets HTTP 415', async (type) => {
    expect(await send(frame(message), { 'content-type': type })).toEqual({ http: 415 });
    expect(calls).toBe(0);
    await stillServes();
  });

  // Neither is an error to it; what is in the frame is judged as ever.
  it('with a flag that means nothing, or compressed without saying how, is read as it is', async () => {
    for (const flag of [1, 2, 255]) expect(await send(frame(message, { flag }))).toMatchObject({ code: 'OK' });
    const cut = frame(message, { length: message.length - 2 });
    expect(await send(cut)).toMatchObject({ code: 'INVALID_ARGUMENT', text: expect.stringContaining('query: ') });
  });

  it('with headers that make no sense is served without them', async () => {
    const headers = {
      traceparent: 'zzz',
      'x-correlation-id': 'a'.repeat(20_000),
      'weft-x-bin': '***',
      'weft-caller': '§',
    };
    expect(await send(frame(message), headers)).toMatchObject({ code: 'OK' });
  });
});

describe('a caller that never ends', () => {
  it.each([
    ['says nothing', Buffer.alloc(0)],
    ['stops in the middle of a frame', frame(message, { length: 100 })],
  ])('and %s holds its own stream alone, until its deadline', async (_, body) => {
    const open = start({ 'grpc-timeout': '300m' });
    const answered = once(open, 'response');
    open.on('error', () => {});
    if (body.length > 0) open.write(body);
    await stillServes();
    const [head] = (await answered) as [Record<string, string>];
    expect(status[Number(head['grpc-status'])]).toBe('DEADLINE_EXCEEDED');
  });

  it('but resets its streams as fast as it can leaves the server serving', async () => {
    for (let count = 0; count < 500; count++) {
      const stream = start({});
      stream.on('error', () => {});
      stream.write(frame(message));
      stream.close(8);
    }
    session.destroy();
    session = connect(`http://${served.target}`);
    await stillServes();
  });
});

describe('a caller that speaks another protocol', () => {
  it.each([
    ['HTTP/1.1', 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['nothing known', '\u0000\u0001\u0002'.repeat(100)],
    [
      'HTTP/2 that breaks off',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0004\u0004\u0000\u0000\u0000\u0000\u0000zzzz',
    ],
  ])('is cut off, and nobody else (%s)', async (_, text) => {
    const [host = '', port = ''] = served.target.split(':');
    const socket = connectSocket(Number(port), host);
    socket.on('error', () => {});
    socket.write(text, 'latin1');
    socket.end();
    socket.resume();
    await once(socket, 'close');
    await stillServes();
  });
});
