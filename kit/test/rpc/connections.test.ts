import { once } from 'node:events';
import http2, { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { GetStockResponse, InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { RemoteError, status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { contractWith } from './contract-with.ts';
import { stage } from './stage.ts';

type Act = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const { client, after } = stage();
const open = { roles: [1] };
const contract = contractWith(InventoryService, { GetStock: open, SetStock: open });
const stock = { stockCode: 'A' };
const RESPONSE = Buffer.from(GetStockResponse.encode(GetStockResponse.fromPartial({ stock })).finish());
const HEADERS = { ':status': 200, 'content-type': 'application/grpc' };

function send(stream: ServerHttp2Stream, message: Buffer, flags = 0): void {
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([prefix, message]));
}

const answer: Act = (stream) => send(stream, RESPONSE);
const fail =
  (code: status): Act =>
  (stream) =>
    stream.respond({ ...HEADERS, 'grpc-status': `${code}` }, { endStream: true });
const refuse: Act = (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
const breakOff: Act = (stream) => stream.session?.destroy();
const keepSilent: Act = () => {};

/** A server that does with each call what it is told to: with the last and all that follow the same. */
async function serverThat(...acts: readonly Act[]) {
  const seen: IncomingHttpHeaders[] = [];
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.resume();
    const act = acts[Math.min(seen.length, acts.length - 1)] ?? answer;
    seen.push(headers);
    act(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const session of sessions) session.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { seen, target: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe.each([
  ['that is ready', true],
  ['that has to be made', false],
])('a call on a connection %s', (_, ready) => {
  async function caller(target: string, retries = false) {
    const inventory = client(InventoryServiceService, contract, { target, caller: 'orders', retries });
    if (ready) await inventory.ready(20_000);
    return inventory;
  }

  it('is answered, and has told whom it asks and for how long', async () => {
    const { seen, target } = await serverThat(answer);
    const { getStock } = await caller(target);
    expect(await getStock(stock, { timeout: 20_000 })).toMatchObject({ stock });
    expect(seen[0]).toMatchObject({ ':authority': target, te: 'trailers', 'weft-caller': 'orders' });
    expect(seen[0]?.['content-type']).toBe('application/grpc');
    expect(seen[0]?.['grpc-timeout']).toMatch(/^(1\d{4}|20000)m$/);
  });

  it('ends at its deadline', async () => {
    const { target } = await serverThat(keepSilent);
    const { getStock } = await caller(target, true);
    await expect(getStock(stock, { timeout: 300 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      reason: 'DEADLINE_EXCEEDED',
    });
  });

  it('is not made when its time is over', async () => {
    const { seen, target } = await serverThat(answer);
    const { getStock } = await caller(target, true);
    await expect(getStock(stock, { timeout: 0 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(seen).toEqual([]);
  });

  it('ends with its signal, and tells the server', async () => {
    const stop = new AbortController();
    const ended = Promise.withResolvers<number>();
    const { target } = await serverThat((stream) => {
      stream.once('close', () => ended.resolve(stream.rstCode));
      stop.abort();
    });
    const { getStock } = await caller(target, true);
    await expect(getStock(stock, { signal: stop.signal })).rejects.toMatchObject({ code: status.CANCELLED });
    expect(await ended.promise).toBe(constants.NGHTTP2_CANCEL);
  });

  it('ends with its signal between two tries', async () => {
    const stop = new AbortController();
    const { seen, target } = await serverThat((stream, headers) => {
      stream.once('close', () => stop.abort());
      fail(status.UNAVAILABLE)(stream, headers);
    });
    const { getStock } = await caller(target, true);
    await expect(getStock(stock, { signal: stop.signal })).rejects.toMatchObject({ code: status.CANCELLED });
    expect(seen.length).toBeLessThan(3);
  });

  it('is tried again, at most twice, where it finds the service unavailable', async () => {
    const { seen, target } = await serverThat(fail(status.UNAVAILABLE));
    const { getStock } = await caller(target, true);
    await expect(getStock(stock)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(seen.map((headers) => headers['grpc-previous-rpc-attempts'])).toEqual([undefined, '1', '2']);
  });

  it('is tried again where the connection breaks', async () => {
    const { seen, target } = await serverThat(breakOff, answer);
    const { getStock } = await caller(target, true);
    expect(await getStock(stock)).toMatchObject({ stock });
    expect(seen).toHaveLength(2);
  });

  it('is not tried again where an answer has begun', async () => {
    const { seen, target } = await serverThat((stream) => {
      stream.respond(HEADERS, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': `${status.UNAVAILABLE}` }));
      stream.end();
    });
    const { getStock } = await caller(target, true);
    await expect(getStock(stock)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(seen).toHaveLength(1);
  });

  it('goes out once more at once where the server refuses to look at it', async () => {
    const { seen, target } = await serverThat(refuse, answer);
    const { getStock } = await caller(target, true);
    expect(await getStock(stock)).toMatchObject({ stock });
    expect(seen.map((headers) => headers['grpc-previous-rpc-attempts'])).toEqual([undefined, undefined]);
  });

  it('is made once where the mesh retries', async () => {
    const { seen, target } = await serverThat(refuse);
    const { getStock } = await caller(target);
    await expect(getStock(stock)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(seen).toHaveLength(1);
  });

  it('finds no service where there is none any more', async () => {
    const { target } = await serverThat(breakOff);
    const { getStock } = await caller(target);
    await expect(getStock(stock)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it.each([
    ['no message', (stream: ServerHttp2Stream) => send(stream, Buffer.from([0xff])), status.INTERNAL],
    [
      'larger than a message may be',
      (stream: ServerHttp2Stream) => send(stream, Buffer.alloc(5_000_000)),
      status.RESOURCE_EXHAUSTED,
    ],
    [
      'no gRPC',
      (stream: ServerHttp2Stream) => stream.respond({ ':status': 503 }, { endStream: true }),
      status.UNAVAILABLE,
    ],
    ['an end without a message', fail(status.OK), status.UNIMPLEMENTED],
  ])('fails where the answer is %s', async (_, act, code) => {
    const { target } = await serverThat(act);
    const { getStock } = await caller(target);
    await expect(getStock(stock)).rejects.toMatchObject({ code });
  });

  it('fails where the answer is compressed, which nobody asked for', async () => {
    const { target } = await serverThat((stream) => send(stream, RESPONSE, 1));
    const { getStock } = await caller(target);
    await expect(getStock(stock)).rejects.toBeInstanceOf(RemoteError);
  });

  it('fails where the request is larger than a message may be', async () => {
    const { target } = await serverThat(answer);
    const { getStock } = await caller(target);
    await expect(getStock({ stockCode: 'x'.repeat(5_000_000) })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
  });

  it('leaves the client able to call once the server is back', async () => {
    const { target } = await serverThat(breakOff, answer);
    const { getStock } = await caller(target);
    await expect(getStock(stock)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await eventually(async () => expect(await getStock(stock)).toMatchObject({ stock }));
  });

  it('fails once the client is closed', async () => {
    const { target } = await serverThat(keepSilent);
    const inventory = await caller(target);
    inventory.close();
    await expect((async () => inventory.getStock(stock))()).rejects.toThrow();
  });
});
