import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService, Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { serveService, startGrpcServer } from '@weft/kit/rpc';
import { createLogger, createTracing } from '@weft/kit/telemetry';
import { GBP } from './pair.ts';

/** A catalogue in which every product is there, sold from the stock S-<product id> for £1. */
export async function startCatalogStub() {
  const none = async (): Promise<never> => {
    throw new Error('the stub does not do this');
  };
  const binding = serveService(CatalogServiceService, CatalogService, {
    createProduct: none,
    updateProduct: none,
    getProduct: none,
    listProducts: none,
    searchProducts: none,
    batchGetProducts: async ({ productIds }) => ({
      products: productIds.map((productId) => ({
        ...Product.decode(new Uint8Array()),
        productId,
        stockCode: `S-${productId}`,
        title: productId,
        price: GBP(100n),
      })),
    }),
  });
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [binding],
    concerns: {
      service: 'catalog',
      verifyToken: async () => ({ id: 'somebody', roles: [] }),
      tracing: createTracing({ service: 'catalog', version: '0', ratio: 0, endpoint: '' }),
      observers: [],
      now: Date.now,
    },
    checks: {},
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  await server.serve();
  return { target: `127.0.0.1:${server.port}`, stop: () => server.stop(0) };
}
