import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { accessLog, callMetrics, callSpans, createTokenVerifier, serveService, startGrpcServer } from '@weft/kit/rpc';
import { createLogger, createMetrics, createTracing } from '@weft/kit/telemetry';
import { some, testIdentity } from '@weft/kit/testing';
import { reply } from '../rpc/reply.ts';

// A server of the benchmark: `off` tells nothing; any other mode is the percentage of traces that it records and sends to the
// collector, besides metrics and a line a call.

const [mode = 'off', endpoint = ''] = process.argv.slice(2);
const on = mode !== 'off';

const { url: jwksUrl, token: sign } = await testIdentity();
const token = await sign({ id: '0198f0a0-0000-7000-8000-000000000002', roles: ['customer'] }, 3600);
const tracing = createTracing({
  service: 'orders',
  version: '1',
  ratio: on ? Number(mode) / 100 : 0,
  endpoint: on ? endpoint : '',
  slowAfter: 1_000,
});
const logger = createLogger({ level: on ? 'info' : 'silent', pretty: false });
const server = await startGrpcServer({
  host: '127.0.0.1',
  port: 0,
  services: [
    serveService(OrdersServiceService, OrdersService, some(OrdersServiceService, { getOrder: async () => reply })),
  ],
  concerns: {
    service: 'orders',
    verifyToken: createTokenVerifier({ jwksUrl, issuer: 'weft', audience: 'weft', now: Date.now }),
    tracing,
    observers: on ? [accessLog(logger), callMetrics(createMetrics('1'), 'orders', '1'), callSpans(tracing)] : [],
    ...(on && { inFlight: { calls: 0 } }),
    now: Date.now,
  },
  checks: {},
  logger,
});
await server.serve();
process.on('message', () => process.send?.(process.cpuUsage()));
process.on('disconnect', () => process.exit());
process.send?.({ port: server.port, token });
