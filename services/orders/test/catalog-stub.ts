import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService, type Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { DomainError } from '@weft/kit/failure';
import { type GrpcServer, serveService, startGrpcServer } from '@weft/kit/rpc';
import { createLogger, createTracing } from '@weft/kit/telemetry';

/** A catalogue that answers as its contract says, over gRPC, and does nothing else. */
export interface CatalogStub {
  readonly target: string;
  /** By id. */
  readonly products: Map<string, Product>;
  /** Product ids of each call so far. */
  readonly asked: string[][];
  /** Ends the server: its port refuses connections until it is back. */
  leave(): Promise<void>;
  back(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCatalogStub(): Promise<CatalogStub> {
  const products = new Map<string, Product>();
  const asked: string[][] = [];
  const none = async (): Promise<never> => {
    throw new Error('the stub does not do this');
  };
  const binding = serveService(CatalogServiceService, CatalogService, {
    createProduct: none,
    updateProduct: none,
    getProduct: none,
    listProducts: none,
    searchProducts: none,
    batchGetProducts: async ({ productIds }) => {
      asked.push(productIds);
      const found = productIds.map((productId) => {
        const product = products.get(productId);
        if (product) return product;
        throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'there is no such product', { product_id: productId });
      });
      return { products: found };
    },
  });
  const serve = async (port: number): Promise<GrpcServer> => {
    const server = await startGrpcServer({
      host: '127.0.0.1',
      port,
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
    return server;
  };
  let server = await serve(0);
  const { port } = server;
  return {
    target: `127.0.0.1:${port}`,
    products,
    asked,
    leave: () => server.stop(0),
    async back() {
      server = await serve(port);
    },
    stop: () => server.stop(0),
  };
}
