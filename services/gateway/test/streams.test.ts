import { getEventListeners, once } from 'node:events';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { expect, it } from '@jest/globals';
import { newTrace } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { contracts } from '../src/clients/contracts.ts';
import { Arrival } from '../src/edge/arrival.ts';
import { createEdge, type EdgeParts, type EncodedClient } from '../src/edge/edge.ts';
import { type EdgeMethod, edgeMethods } from '../src/edge/methods.ts';
import type { Request } from '../src/http/request.ts';
import { createStreamLimits } from '../src/limits/streams.ts';
import { createUpstreams } from '../src/resilience/upstream.ts';
import { openEdge, type Sent } from './fixture.ts';
import { ORDER_ID } from './stubs.ts';

it('opens no more streams of reflection for one address than it may', async () => {
  const few = await openEdge({}, { GATEWAY_MAX_STREAMS_EACH: '1' });
  const channel = new Client(few.booted.target('gateway'), credentials.createInsecure());
  const asIs = (bytes: Buffer) => bytes;
  const open = () => {
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const stream = channel.makeBidiStreamRequest(path, asIs, asIs);
    const outcome = Promise.race([
      once(stream, 'data').then(() => 'answered'),
      once(stream, 'error').then(([error]) => error.details),
    ]);
    stream.write(Buffer.from([0x3a, 0x00]));
    return { outcome: outcome.catch((error) => error.details), stream };
  };
  try {
    const first = open();
    expect(await first.outcome).toBe('answered');
    expect(await open().outcome).toContain('too many streams');
    first.stream.end();
    await eventually(async () => (await open().outcome) === 'answered');
  } finally {
    channel.close();
    await few.stop();
  }
});

it('hangs up on who does not read a stream, and gives its place to the next', async () => {
  const large = await openEdge(
    {
      orders: {
        async *watchOrder(_, { signal }) {
          const change = {
            orderId: ORDER_ID,
            changeTime: undefined,
            paymentStatus: 1,
            status: 1,
            version: 1n,
          } as const;
          while (!signal.aborted) yield { ...change, reason: 'x'.repeat(100_000), resumeToken: '' };
        },
      },
    },
    { GATEWAY_MAX_STREAMS_EACH: '1', READ_TIMEOUT_MS: '300' },
  );
  const authorization = `Bearer ${await large.token()}`;
  const refused = async () => {
    const leaving = new AbortController();
    const headers = { authorization };
    const path = `${large.http}/api/v2/orders/${ORDER_ID}:watch`;
    const { status } = await fetch(path, { headers, signal: leaving.signal });
    leaving.abort();
    return status === 429;
  };
  const socket = connect(Number(new URL(large.http).port), '127.0.0.1');
  const session = http2.connect(large.h2c);
  try {
    socket.on('error', () => {});
    socket.write(
      `GET /api/v2/orders/${ORDER_ID}:watch HTTP/1.1\r\nHost: shop\r\nAuthorization: ${authorization}\r\n\r\n`,
    );
    socket.pause();
    await eventually(refused);
    await eventually(async () => !(await refused()));
    const path = '/weft.orders.v1.OrdersService/WatchOrder';
    const type = { 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ':method': 'POST', ':path': path, authorization, ...type });
    stream.on('error', () => {});
    const id = Buffer.concat([Buffer.from([0x0a, ORDER_ID.length]), Buffer.from(ORDER_ID)]);
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, id.length]), id]));
    await eventually(refused);
    await eventually(async () => !(await refused()));
  } finally {
    socket.destroy();
    session.destroy();
    await large.stop();
  }
});

it('opens no more streams for one user than it may', async () => {
  const few = await openEdge(
    {
      orders: {
        async *watchOrder(_, { signal }) {
          yield {
            orderId: ORDER_ID,
            reason: '',
            changeTime: undefined,
            paymentStatus: 1,
            status: 1,
            version: 1n,
            resumeToken: '',
          };
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        },
      },
    },
    { GATEWAY_MAX_STREAMS_EACH: '1' },
  );
  try {
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${await few.token()}` };
    const path = `${few.http}/api/v2/orders/${ORDER_ID}:watch`;
    expect((await fetch(path, { headers, signal: leaving.signal })).status).toBe(200);
    expect((await fetch(path, { headers })).status).toBe(429);
    leaving.abort();
    await eventually(async () => {
      const leavingToo = new AbortController();
      const { status } = await fetch(path, { headers, signal: leavingToo.signal });
      leavingToo.abort();
      return status === 200;
    });
  } finally {
    await few.stop();
  }
});

it('answers HEAD with the headers of a stream, and opens none', async () => {
  let opened = 0;
  const edge = await openEdge({
    orders: {
      async *watchOrder() {
        opened += 1;
        const change = { orderId: ORDER_ID, reason: '', changeTime: undefined, paymentStatus: 1, status: 1 } as const;
        yield { ...change, version: 1n, resumeToken: '' };
      },
    },
  });
  try {
    const as = await edge.token();
    const path = `/api/v2/orders/${ORDER_ID}:watch`;
    const head = await edge.send(path, { method: 'HEAD', as });
    expect([head.status, head.text, opened]).toEqual([200, '', 0]);
    expect((await edge.send(path, { method: 'HEAD' })).status).toBe(401);
    const get = await edge.send(path, { as });
    expect([get.status, opened]).toEqual([200, 1]);
    const OF_THE_CONNECTION = ['connection', 'keep-alive', 'transfer-encoding'];
    const named = ({ headers }: Sent) => [...headers.keys()].filter((name) => !OF_THE_CONNECTION.includes(name));
    expect(named(head)).toEqual(named(get));
    for (const name of ['content-type', 'cache-control', 'x-accel-buffering'])
      expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
  } finally {
    await edge.stop();
  }
});

it.each(['ends', 'fails', 'is left'])('leaves nobody listening to a signal once a stream %s', async (how) => {
  const signals: AbortSignal[] = [];
  const messages = async function* (_: Buffer, { signal }: { signal: AbortSignal }) {
    signals.push(signal);
    yield Buffer.from('one');
    if (how === 'fails') throw new Error('the stream is broken');
    yield Buffer.from('two');
  };
  const stopping = new AbortController();
  const parts: Partial<EdgeParts> = {
    client: () => ({ watchOrder: messages }) as unknown as EncodedClient,
    upstream: createUpstreams({
      breaker: { failures: 5, pause: 1_000, now: () => 0 },
      bulkhead: { calls: 1, queue: 0 },
    }),
    openStream: createStreamLimits({ all: 1, service: 1, each: 1 }),
    readWithin: 60_000,
    stopping: stopping.signal,
    observers: [],
    inFlight: { calls: 0 },
  };
  const edge = createEdge(parts as EdgeParts);
  const method = edgeMethods(contracts).get('weft.orders.v1.OrdersService/WatchOrder') as EdgeMethod;
  const line = { signal: new AbortController().signal, hangUp: () => {} };
  const stream = async () => {
    const request = { headers: {}, socket: {} } as Request;
    const arrival = new Arrival(request, line, { startTrace: () => newTrace(false), proxies: 0 });
    for await (const _ of edge.stream(method, Buffer.alloc(0), arrival, undefined)) if (how === 'is left') break;
  };
  for (let n = 0; n < 3; n++) await stream().catch(() => {});
  expect(signals).toHaveLength(3);
  // What listens to a signal that follows others keeps it for as long as they are there.
  for (const signal of [...signals, line.signal, stopping.signal])
    expect(getEventListeners(signal, 'abort')).toEqual([]);
});
