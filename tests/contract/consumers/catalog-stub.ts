import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService, Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { serveService } from '@weft/kit/rpc';
import { serveStub, some } from '@weft/kit/testing';
import { GBP } from './pair.ts';

/** A catalogue in which every product is there, sold from the stock S-<product id> for £1. */
export async function startCatalogStub() {
  const binding = serveService(
    CatalogServiceService,
    CatalogService,
    some(CatalogServiceService, {
      batchGetProducts: async ({ productIds }) => ({
        products: productIds.map((productId) => ({
          ...Product.decode(new Uint8Array()),
          productId,
          stockCode: `S-${productId}`,
          title: productId,
          price: GBP(100n),
        })),
      }),
    }),
  );
  const server = await serveStub('catalog', binding);
  return { target: server.target, stop: () => server.stop() };
}
