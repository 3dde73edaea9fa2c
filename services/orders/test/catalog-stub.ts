import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService, type Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { DomainError } from '@weft/kit/failure';
import { serveService } from '@weft/kit/rpc';
import { serveStub, some } from '@weft/kit/testing';

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
  const binding = serveService(
    CatalogServiceService,
    CatalogService,
    some(CatalogServiceService, {
      batchGetProducts: async ({ productIds }) => {
        asked.push(productIds);
        const found = productIds.map((productId) => {
          const product = products.get(productId);
          if (product) return product;
          throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'there is no such product', {
            product_id: productId,
          });
        });
        return { products: found };
      },
    }),
  );
  let server = await serveStub('catalog', binding);
  const { port, target } = server;
  return {
    target,
    products,
    asked,
    leave: () => server.stop(),
    async back() {
      server = await serveStub('catalog', binding, port);
    },
    stop: () => server.stop(),
  };
}
