import { once } from 'node:events';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { openEdge } from './fixture.ts';
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
