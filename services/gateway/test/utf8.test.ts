import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Edge, openEdge } from './fixture.ts';
import { order } from './stubs.ts';

let edge: Edge;
let alice: string;
const keys: string[] = [];

beforeAll(async () => {
  const placeOrder = async ({ idempotencyKey }: { idempotencyKey: string }) => {
    keys.push(idempotencyKey);
    return { order: order() };
  };
  edge = await openEdge({ orders: { placeOrder } }, { RATE_LIMITS: 'weft.orders.v1.OrdersService/PlaceOrder=1000/60' });
  alice = await edge.token();
});
afterAll(() => edge?.stop());

const REST = '/api/v2/orders';
const CONNECT = '/weft.orders.v1.OrdersService/PlaceOrder';

/** A body with these bytes in a text of it, sent as JSON. */
function place(path: string, bytes: readonly number[], encoding?: 'gzip') {
  const lines = '"lines":[{"productId":"lantern","quantity":"1"}],"paymentMethodToken":"tok_approved"';
  const plain = Buffer.from([...Buffer.from(`{${lines},"idempotencyKey":"`), ...bytes, ...Buffer.from('"}')]);
  const headers = { 'content-type': 'application/json', ...(encoding && { 'content-encoding': encoding }) };
  const body = encoding ? Buffer.from(gzipSync(plain)) : plain;
  return edge.send(path, { method: 'POST', as: alice, body, headers });
}

it.each([
  ['a byte that begins nothing', [0xff]],
  ['a slash that is longer than it need be', [0xc0, 0xaf]],
  ['a character that is not all there', [0xe2, 0x82]],
  ['an encoded surrogate', [0xed, 0xa0, 0x80]],
  ['a character beyond the last', [0xf4, 0x90, 0x80, 0x80]],
])('refuses what is no UTF-8, by REST and by Connect: %s', async (_, bytes) => {
  const before = keys.length;
  const rest = await place(REST, bytes);
  expect([rest.status, rest.json.reason, rest.json.errors[0].rule]).toEqual([400, 'MALFORMED', 'json.syntax']);
  for (const { status, json } of [await place(CONNECT, bytes), await place(CONNECT, bytes, 'gzip')])
    expect([status, json.code]).toEqual([400, 'invalid_argument']);
  expect(keys.length).toBe(before);
});

it('passes on every character as it came', async () => {
  const text = 'é€𝄞\u{fffd}';
  for (const path of [REST, CONNECT]) await place(path, [...Buffer.from(text)]);
  expect(keys.slice(-2)).toEqual([text, text]);
});
