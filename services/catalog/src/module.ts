import { defineService } from '@weft/kit/module';
import { stockClient } from './clients/stock.ts';
import { published } from './events/to-event.ts';
import { catalogStore } from './store/catalog-store.ts';
import { migrations } from './store/migrations.ts';
import type { CatalogSchema } from './store/schema.ts';
import { catalogHandlers } from './transport/handlers.ts';

export const catalog = defineService<Record<string, never>, CatalogSchema>({
  name: 'catalog',
  needs: ['inventory'],
  settings: {},
  migrations,
  publishes: published,
  create: ({ database, client, logger, now }) => ({
    grpc: [catalogHandlers({ store: catalogStore(database), stock: stockClient({ client, logger }), now })],
  }),
});
