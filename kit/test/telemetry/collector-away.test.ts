import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { createTracing, newTrace, type Tracing } from '@weft/kit/telemetry';
import { freePort } from '@weft/kit/testing';

const SPANS = 200_000;
/** Kept, so many spans take some 300 MB; those that wait take 10. */
const MOST_BYTES = 60e6;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that something still holds. */
function held(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

let silent: Server;
const sockets: Socket[] = [];
beforeAll(async () => {
  // Takes what it is sent and never answers.
  silent = createServer((socket) => void sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
});

async function record(tracing: Tracing): Promise<void> {
  for (let number = 0; number < SPANS; number++) {
    const time = Date.now();
    const attributes = { 'rpc.method': `weft.orders.v1.OrdersService/GetOrder ${number}` };
    const span = { name: 'call', kind: SpanKind.SERVER, startTime: time, endTime: time, attributes };
    tracing.record({ ...span, context: newTrace(true) });
    if (number % 1_000 === 0) await turn();
  }
}

describe.each([
  ['away', async () => `http://127.0.0.1:${await freePort()}`],
  ['silent', async () => `http://127.0.0.1:${(silent.address() as { port: number }).port}`],
])('a collector that is %s', (_, endpoint) => {
  it('costs no memory for what it did not take, and holds up no stop', async () => {
    const tracing = createTracing({ service: 'orders', version: '1', ratio: 1, endpoint: await endpoint() });
    const before = held();
    await record(tracing);
    expect(held() - before).toBeLessThan(MOST_BYTES);
    const began = performance.now();
    await tracing.stop().catch(() => {});
    expect(performance.now() - began).toBeLessThan(3_000);
  }, 60_000);
});
