import { createRequire } from 'node:module';
import { type handleUnaryCall, Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import {
  type GetOrderRequest,
  type GetOrderResponse,
  OrdersServiceService,
} from '@weft/gen/grpc/weft/orders/v1/orders';
import { accessLog, callMetrics, callSpans, createTokenVerifier, serveService, startGrpcServer } from '@weft/kit/rpc';
import { createLogger, createMetrics, createTracing } from '@weft/kit/telemetry';
import { freePort, some, testIdentity } from '@weft/kit/testing';
import { reply } from './reply.ts';

// A server of the benchmark: `bare`, `kit` or `nest`. Says where it listens, and what CPU it has used when it is asked.

const SERVERS: Readonly<Record<string, () => Promise<{ port: number; token: string }>>> = { bare, kit, nest };
/** One call in a hundred is traced. */
const TRACED = 0.01;

async function bare() {
  const server = new Server();
  const absent = (_: unknown, callback: (error: Error) => void) => callback(new Error('not in this benchmark'));
  const names = Object.keys(OrdersServiceService);
  const handlers = Object.fromEntries(names.map((name) => [name, absent])) as unknown as UntypedServiceImplementation;
  const getOrder: handleUnaryCall<GetOrderRequest, GetOrderResponse> = (_, callback) => callback(null, reply);
  server.addService(OrdersServiceService, { ...handlers, getOrder });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { port, token: '' };
}

/** With everything on: deadline, context, spans, metrics, an access log line a call, token, roles and validation. */
async function kit() {
  const { url: jwksUrl, token: sign } = await testIdentity();
  const token = await sign({ id: '0198f0a0-0000-7000-8000-000000000002', roles: ['customer'] }, 3600);
  const ended = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
  const tracing = createTracing({ service: 'orders', version: '1', ratio: TRACED, endpoint: '', processor: ended });
  const logger = createLogger({ level: 'info', pretty: false });
  const handlers = some(OrdersServiceService, { getOrder: async () => reply });
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [serveService(OrdersServiceService, OrdersService, handlers)],
    concerns: {
      service: 'orders',
      verifyToken: createTokenVerifier({ jwksUrl, issuer: 'weft', audience: 'weft', now: Date.now }),
      tracing,
      observers: [accessLog(logger), callMetrics(createMetrics('1'), 'orders', '1'), callSpans(tracing)],
      now: Date.now,
    },
    checks: {},
    logger,
  });
  await server.serve();
  return { port: server.port, token };
}

/** NestJS with none of these, on the same generated code. */
async function nest() {
  const load = createRequire(new URL('./nest/package.json', import.meta.url));
  load('reflect-metadata');
  const { Controller, Module } = load('@nestjs/common');
  const { NestFactory } = load('@nestjs/core');
  const { GrpcMethod, Transport } = load('@nestjs/microservices');
  class Orders {
    getOrder() {
      return reply;
    }
  }
  class App {}
  const method = Object.getOwnPropertyDescriptor(Orders.prototype, 'getOrder');
  GrpcMethod('OrdersService', 'GetOrder')(Orders.prototype, 'getOrder', method);
  Controller()(Orders);
  Module({ controllers: [Orders] })(App);
  const port = await freePort();
  const methods = Object.entries(OrdersServiceService).map(([name, one]) => [
    name[0]?.toUpperCase() + name.slice(1),
    one,
  ]);
  const app = await NestFactory.createMicroservice(App, {
    logger: false,
    transport: Transport.GRPC,
    options: {
      package: 'weft.orders.v1',
      url: `127.0.0.1:${port}`,
      packageDefinition: { 'weft.orders.v1.OrdersService': Object.fromEntries(methods) },
    },
  });
  await app.listen();
  return { port, token: '' };
}

const start = SERVERS[process.argv[2] ?? ''];
if (!start) throw new Error(`one of ${Object.keys(SERVERS).join(', ')}`);
process.on('message', () => process.send?.(process.cpuUsage()));
process.on('disconnect', () => process.exit());
process.send?.(await start());
