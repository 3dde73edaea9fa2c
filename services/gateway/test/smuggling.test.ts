import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Edge, openEdge } from './fixture.ts';
import { order } from './stubs.ts';

let edge: Edge;
let alice: string;
let placed = 0;
const keys: string[] = [];
beforeAll(async () => {
  edge = await openEdge({
    orders: {
      placeOrder: async ({ idempotencyKey }) => {
        placed += 1;
        keys.push(idempotencyKey);
        return { order: order() };
      },
    },
  });
  alice = await edge.token();
});
afterAll(() => edge?.stop());

const [DATA, HEADERS, RESET, SETTINGS, GO_AWAY] = [0, 1, 3, 4, 7];
const [END_STREAM, END_HEADERS, ACK] = [1, 4, 1];
const HEAD_BYTES = 9;

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A number of HPACK in what is left of an octet. Source: RFC 7541, 5.1. */
const length = (value: number): number[] =>
  value < 127 ? [value] : [127, ((value - 127) % 128) | 128, Math.floor((value - 127) / 128)];

/** Headers as they are, which no library would send: literals that are not indexed. Source: RFC 7541, 6.2.2. */
const literal = (headers: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(
    headers.flatMap(([name, value]) => [
      Buffer.from([0, ...length(name.length)]),
      Buffer.from(name, 'latin1'),
      Buffer.from(length(value.length)),
      Buffer.from(value, 'latin1'),
    ]),
  );

const BODY = '{"lines":[{"productId":"lantern","quantity":"1"}],"paymentMethodToken":"tok_approved"}';
const pseudo = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/api/v2/orders'],
  [':authority', 'shop'],
] as const;
const usual = () =>
  [
    ['content-type', 'application/json'],
    ['idempotency-key', 'once'],
    ['authorization', `Bearer ${alice}`],
  ] as const;

/** What a request comes to whose headers and body are sent as they are: whether it is reset, or how the answer begins. */
async function sent(headers: readonly (readonly [string, string])[], body = BODY): Promise<'refused' | 'answered'> {
  const socket = connect(Number(new URL(edge.h2c).port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(frame(SETTINGS, 0, 0));
  socket.write(frame(HEADERS, END_HEADERS, 1, literal(headers)));
  socket.write(frame(DATA, END_STREAM, 1, Buffer.from(body)));
  let read = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      read = Buffer.concat([read, chunk as Buffer]);
      while (read.length >= HEAD_BYTES && read.length >= HEAD_BYTES + read.readUIntBE(0, 3)) {
        const [type, flags] = [read[3], read[4] ?? 0];
        const payload = read.subarray(HEAD_BYTES, HEAD_BYTES + read.readUIntBE(0, 3));
        read = read.subarray(HEAD_BYTES + payload.length);
        if (type === SETTINGS && !(flags & ACK)) socket.write(frame(SETTINGS, ACK, 0));
        if (type === RESET || type === GO_AWAY) return 'refused';
        // An answer that begins with the index of `:status 400`. Source: RFC 7541, appendix A.
        if (type === HEADERS) return payload[0] === 0x8c ? 'refused' : 'answered';
      }
    }
    return 'refused';
  } finally {
    socket.destroy();
  }
}

it('a request of HTTP/2 that keeps the rules is answered', async () => {
  const before = placed;
  expect(await sent([...pseudo, ...usual(), ['content-length', String(BODY.length)]])).toBe('answered');
  expect(placed).toBe(before + 1);
});

it.each<[string, (all: readonly (readonly [string, string])[]) => readonly (readonly [string, string])[]]>([
  ['a length that is too short', (all) => [...all, ['content-length', '4']]],
  ['a length that is too long', (all) => [...all, ['content-length', '4000']]],
  ['two lengths', (all) => [...all, ['content-length', String(BODY.length)], ['content-length', '0']]],
  ['a length that is no number', (all) => [...all, ['content-length', '+86']]],
  ['a transfer encoding', (all) => [...all, ['transfer-encoding', 'chunked']]],
  ['a connection header', (all) => [...all, ['connection', 'transfer-encoding']]],
  ['a name in upper case', (all) => [...all, ['Transfer-Encoding', 'chunked']]],
  [
    'a request within the path',
    (all) => [[':path', '/api/v2/orders HTTP/1.1\r\nHost: evil'], ...without(all, ':path')],
  ],
  ['two paths', (all) => [[':path', '/api/v2/products'], ...all]],
  ['two methods', (all) => [[':method', 'GET'], ...all]],
  ['no path', (all) => without(all, ':path')],
  ['a path that is none', (all) => [[':path', 'orders'], ...without(all, ':path')]],
  ['two hosts', (all) => [...all, ['host', 'shop'], ['host', 'evil']]],
  ['another host than its authority', (all) => [...all, ['host', 'evil']]],
  ['a pseudo header after the others', (all) => [...without(all, ':path'), [':path', '/api/v2/orders']]],
  ['a pseudo header that is none', (all) => [[':roles', 'admin'], ...all]],
])('one with %s is refused, and changes nothing', async (_, change) => {
  const before = placed;
  expect(await sent(change([...pseudo, ...usual()]))).toBe('refused');
  expect(placed).toBe(before);
});

// Node passes over a field that is none: nobody behind it sees it.
it.each([
  ['a header within a name', 'x: 1\r\ntransfer-encoding', 'chunked'],
  ['a header within a value', 'x-correlation-id', '1\r\nidempotency-key: other'],
  ['a request within a value', 'x-correlation-id', '1\r\n\r\nGET /api/v2/products HTTP/1.1\r\nHost: shop'],
])('one with %s is taken as if that was not there', async (_, name, value) => {
  const before = placed;
  expect(await sent([...pseudo, ...usual(), [name, value]])).toBe('answered');
  expect(placed).toBe(before + 1);
  expect(keys.at(-1)).toBe('once');
});

function without(all: readonly (readonly [string, string])[], name: string) {
  return all.filter(([one]) => one !== name);
}
