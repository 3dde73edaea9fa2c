import { describe, expect, it } from '@jest/globals';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { DomainError, type FailureKind } from '@weft/kit/failure';
import { callSpans, serveService, startGrpcServer } from '@weft/kit/rpc';
import { createLogger, createTracing } from '@weft/kit/telemetry';
import { eventually, some } from '@weft/kit/testing';
import { contractWith } from './contract-with.ts';
import { type RecordedSpan, stage } from './stage.ts';

// orders asks inventory, which does well, and then catalog. Nothing is sampled.
const { after, client } = stage();
const PUBLIC = { roles: [1] };
const inventoryContract = contractWith(InventoryService, { GetStock: PUBLIC });
const ordersContract = contractWith(OrdersService, { GetOrder: PUBLIC });

/** A service of its own process, as far as its spans are concerned. */
function recorder(service: string, slowAfter: number) {
  const spans: RecordedSpan[] = [];
  const none = async () => {};
  const processor = {
    onStart() {},
    onEnd: (span: RecordedSpan) => void spans.push(span),
    forceFlush: none,
    shutdown: none,
  };
  const tracing = createTracing({ service, version: '1', ratio: 0, endpoint: '', slowAfter, processor });
  return {
    tracing,
    names: () => spans.map(({ kind, name }) => `${kind === 1 ? 'serves' : 'calls'} ${name.split('/')[1]}`),
  };
}

async function threeServices(searching: () => Promise<void>, slowAfter = Number.POSITIVE_INFINITY) {
  const serve = async (service: ReturnType<typeof serveService>, one: ReturnType<typeof recorder>) => {
    const logger = createLogger({ level: 'silent', pretty: false });
    const server = await startGrpcServer({
      host: '127.0.0.1',
      port: 0,
      services: [service],
      concerns: {
        service: 'test',
        verifyToken: () => Promise.reject(new Error('nobody has a token')),
        tracing: one.tracing,
        observers: [callSpans(one.tracing)],
        now: Date.now,
      },
      checks: {},
      logger,
    });
    after(() => server.stop(500));
    await server.serve();
    return `127.0.0.1:${server.port}`;
  };
  const inventory = recorder('inventory', slowAfter);
  const catalog = recorder('catalog', slowAfter);
  const orders = recorder('orders', slowAfter);
  const inventoryAt = await serve(
    serveService(
      InventoryServiceService,
      inventoryContract,
      some(InventoryServiceService, { getStock: async () => ({ stock: undefined }) }),
    ),
    inventory,
  );
  const catalogAt = await serve(
    serveService(
      CatalogServiceService,
      CatalogService,
      some(CatalogServiceService, {
        searchProducts: async () => {
          await searching();
          return { products: [], nextPageToken: '' };
        },
      }),
    ),
    catalog,
  );
  const observed = { tracing: orders.tracing, observers: [callSpans(orders.tracing)] };
  const stock = client(InventoryServiceService, inventoryContract, { ...observed, target: inventoryAt });
  const goods = client(CatalogServiceService, CatalogService, { ...observed, target: catalogAt });
  const ordersAt = await serve(
    serveService(
      OrdersServiceService,
      ordersContract,
      some(OrdersServiceService, {
        getOrder: async () => {
          await stock.getStock({ stockCode: 'A' });
          await goods.searchProducts({ query: 'lamp', pageSize: 0, pageToken: '' });
          return { order: undefined };
        },
      }),
    ),
    orders,
  );
  const caller = recorder('caller', slowAfter);
  const calls = client(OrdersServiceService, ordersContract, {
    target: ordersAt,
    tracing: caller.tracing,
    observers: [callSpans(caller.tracing)],
  });
  const orderId = '0198f0a0-0000-7000-8000-000000000001';
  return { inventory, catalog, orders, caller, call: () => calls.getOrder({ orderId }) };
}

const whole = ['calls GetStock', 'calls SearchProducts', 'serves GetOrder'];

describe('a trace that was not sampled', () => {
  it('is recorded when a call fails by who failed, who asked, and who asked that one', async () => {
    const { catalog, orders, caller, call } = await threeServices(async () => {
      throw new DomainError('unavailable', 'SEARCH_AWAY', 'away');
    });
    await call().catch(() => {});
    expect(catalog.names()).toEqual(['serves SearchProducts']);
    expect(orders.names().sort()).toEqual(whole);
    expect(caller.names()).toEqual(['calls GetOrder']);
  });

  it('is recorded when a call is slow', async () => {
    const { catalog, orders, caller, call } = await threeServices(
      () => new Promise((resolve) => setTimeout(resolve, 120)),
      100,
    );
    await call();
    expect(catalog.names()).toEqual(['serves SearchProducts']);
    expect(orders.names().sort()).toEqual(whole);
    await eventually(() => caller.names().length === 1);
  });

  it('leaves nothing when all goes well', async () => {
    const { catalog, orders, caller, inventory, call } = await threeServices(async () => {});
    for (let i = 0; i < 10; i++) await call();
    expect([inventory, catalog, orders, caller].flatMap((one) => one.names())).toEqual([]);
  });

  it('is recorded when a call fails, however many others are refused in the same second', async () => {
    let kind: FailureKind = 'not-found';
    const { caller, catalog, call } = await threeServices(async () => {
      throw new DomainError(kind, 'ASKED_FOR', 'so it goes');
    });
    for (let i = 0; i < 60; i++) await call().catch(() => {});
    const refused = catalog.names().length;
    kind = 'unavailable';
    await call().catch(() => {});
    expect(catalog.names().length).toBe(refused + 1);
    expect(caller.names().at(-1)).toBe('calls GetOrder');
  });

  it('is not recorded for ever more failures: what a storm of them costs is bounded', async () => {
    const { caller, call } = await threeServices(async () => {
      throw new DomainError('unavailable', 'SEARCH_AWAY', 'away');
    });
    const began = performance.now();
    for (let i = 0; i < 100; i++) await call().catch(() => {});
    const seconds = Math.ceil((performance.now() - began) / 1000) + 1;
    expect(caller.names().length).toBeLessThanOrEqual(20 * seconds);
    expect(caller.names().length).toBeGreaterThan(0);
  });
});
