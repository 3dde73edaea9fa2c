import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { callSpans, serveService, startGrpcServer } from '@weft/kit/rpc';
import { createLogger, createTracing, newTrace, type Tracing } from '@weft/kit/telemetry';
import { eventually, freePort, some } from '@weft/kit/testing';
import { contractWith } from '../rpc/contract-with.ts';
import { stage } from '../rpc/stage.ts';

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
let well: HttpServer;
const sockets: Socket[] = [];
beforeAll(async () => {
  // Takes what it is sent and never answers.
  silent = createServer((socket) => void sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  well = createHttpServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  }).listen(0, '127.0.0.1');
  await once(well, 'listening');
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
  well.closeAllConnections();
  well.close();
});

async function record(tracing: Tracing, spans = SPANS): Promise<void> {
  for (let number = 0; number < spans; number++) {
    const time = Date.now();
    const attributes = { 'rpc.method': `weft.orders.v1.OrdersService/GetOrder ${number}` };
    const span = { name: 'call', kind: SpanKind.SERVER, startTime: time, endTime: time, attributes };
    tracing.record({ ...span, context: newTrace(true) });
    if (number % 1_000 === 0) await turn();
  }
}

const { after, client } = stage();
const contract = contractWith(InventoryService, { GetStock: { roles: [1] } });
const ROUNDS = 11;
const CALLS = 80;
/** More than may wait. */
const WAITING = 10_000;

/** Calls a service that sends every span there, and gives the milliseconds of so many calls, one after the other. */
async function callsOf(endpoint: string): Promise<() => Promise<number>> {
  const tracing = createTracing({ service: 'inventory', version: '1', ratio: 1, endpoint });
  after(() => tracing.stop().catch(() => {}));
  const handlers = some(InventoryServiceService, { getStock: async () => ({ stock: undefined }) });
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [serveService(InventoryServiceService, contract, handlers)],
    concerns: {
      service: 'test',
      verifyToken: () => Promise.reject(new Error('nobody has a token')),
      tracing,
      observers: [callSpans(tracing)],
      now: Date.now,
    },
    checks: {},
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  after(() => server.stop(500));
  await server.serve();
  const target = `127.0.0.1:${server.port}`;
  const inventory = client(InventoryServiceService, contract, { target, tracing, observers: [callSpans(tracing)] });
  await record(tracing, WAITING);
  return async () => {
    const began = performance.now();
    for (let call = 0; call < CALLS; call++) await inventory.getStock({ stockCode: 'A' });
    return performance.now() - began;
  };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

it('spans that a collector does not take are told of once, by their cause, and so is that it takes them again', async () => {
  const port = await freePort();
  const told: (string | undefined)[] = [];
  const onSending = (failure: Error | undefined) => void told.push(failure?.name);
  const tracing = createTracing({
    service: 'orders',
    version: '1',
    ratio: 1,
    endpoint: `http://127.0.0.1:${port}`,
    onSending,
  });
  // A full batch goes at once.
  await eventually(async () => {
    await record(tracing, 600);
    return told.length > 0;
  }, 30_000);
  const back = createHttpServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  }).listen(port, '127.0.0.1');
  after(() => {
    back.closeAllConnections();
    back.close();
  });
  await eventually(async () => {
    await record(tracing, 600);
    return told.length > 1;
  }, 30_000);
  await tracing.stop();
  expect(told).toEqual(['ECONNREFUSED', undefined]);
}, 70_000);

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

  it('makes no call slower', async () => {
    const { port } = well.address() as { port: number };
    const [without, taken] = [await callsOf(await endpoint()), await callsOf(`http://127.0.0.1:${port}`)];
    for (let warm = 0; warm < 3; warm++) await Promise.all([without(), taken()]);
    const ratios: number[] = [];
    // Each round's own ratio: what slows the machine down for a while slows both.
    for (let round = 0; round < ROUNDS; round++) ratios.push((await without()) / (await taken()));
    expect(median(ratios)).toBeLessThan(1.25);
  }, 60_000);
});
