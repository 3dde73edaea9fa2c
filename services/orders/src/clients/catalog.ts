import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import type { ServiceRuntime } from '@weft/kit/module';
import type { Catalog } from '../app/ports.ts';

export function catalogClient(client: ServiceRuntime<never, never>['client']): Catalog {
  const catalog = client('catalog', CatalogServiceService, CatalogService);
  return {
    async products(productIds) {
      const { products } = await catalog.batchGetProducts({ productIds: [...productIds] });
      return products.map(({ productId, stockCode, title, price }) => ({
        productId,
        stockCode,
        title,
        unitPrice: price?.minorUnits ?? 0n,
        currency: price?.currencyCode ?? '',
      }));
    },
  };
}
