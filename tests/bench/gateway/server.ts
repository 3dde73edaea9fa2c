import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { gateway } from '@weft/gateway/module';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { startSystem } from '@weft/kit/module';
import { serveService } from '@weft/kit/rpc';
import { freePort, serveStub, some, testIdentity } from '@weft/kit/testing';
import { esReply, grpcReply } from './reply.ts';

// A process of the benchmark: `gateway`, the `catalog` behind it, `hung`: orders that never answer, or `bare`: connect-node that
// answers from memory.

const kind = process.argv[2] ?? '';

async function catalog() {
  const { url, token } = await testIdentity();
  const getProduct = async () => grpcReply;
  const handlers = some(CatalogServiceService, { getProduct });
  const { target } = await serveStub('catalog', serveService(CatalogServiceService, CatalogService, handlers));
  const user = { id: '0198f0a0-0000-7000-8000-000000000002', roles: ['customer'] as const };
  return { target, jwksUrl: url, token: await token(user, 3600) };
}

async function hung() {
  const never = () => new Promise<never>(() => {});
  const handlers = some(OrdersServiceService, { listOrders: never });
  return serveStub('orders', serveService(OrdersServiceService, OrdersService, handlers));
}

async function edge([target = '', jwksUrl = '', orders = '', breakerFailures = '']: readonly string[]) {
  const system = await startSystem([gateway], {
    ...Object.fromEntries(gateway.needs.map((name) => [`${name.toUpperCase()}_TARGET`, target])),
    ORDERS_TARGET: orders,
    IDENTITY_JWKS_URL: jwksUrl,
    BUS_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    OPS_PORT: String(await freePort()),
    GRPC_PORT: '0',
    HTTP_PORT: '0',
    // Each call goes one hop further.
    GATEWAY_CACHE: 'false',
    RATE_LIMITS:
      'weft.catalog.v1.CatalogService/GetProduct=9999999/60,weft.orders.v1.OrdersService/ListOrders=9999999/60',
    BREAKER_FAILURES: breakerFailures,
    TRACE_PERCENT: '1',
    // It asks for more than there is room for: that is its purpose.
    SHED_DELAY_MS: '0',
  });
  return { http: system.listeners.gateway?.http, h2c: system.ports.gateway };
}

async function bare() {
  const handle = connectNodeAdapter({
    routes: (router) => router.rpc(CatalogService.method.getProduct, () => esReply),
  });
  const listen = async (server: http.Server | http2.Http2Server) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  return { http: await listen(http.createServer(handle)), h2c: await listen(http2.createServer(handle)) };
}

const servers: Readonly<Record<string, () => Promise<object>>> = {
  catalog,
  bare,
  hung,
  gateway: () => edge(process.argv.slice(3)),
};
const start = servers[kind];
if (!start) throw new Error(`one of ${Object.keys(servers).join(', ')}`);
process.on('message', () => process.send?.(process.cpuUsage()));
process.on('disconnect', () => process.exit());
process.send?.(await start());
