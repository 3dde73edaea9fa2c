import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import type { ServiceRuntime } from '@weft/kit/module';
import { RemoteError } from '@weft/kit/rpc';
import type { Stock } from '../app/ports.ts';

/** People wait no longer for the number of pieces than this. */
const TIMEOUT_MS = 500;

/** Stock as inventory knows it. A code that it does not know has no pieces. */
export function stockClient({ client, logger }: Pick<ServiceRuntime<never, never>, 'client' | 'logger'>): Stock {
  const inventory = client('inventory', InventoryServiceService, InventoryService);
  let away = false;
  return {
    async available(stockCodes) {
      try {
        const { stocks } = await inventory.batchGetStock({ stockCodes: [...stockCodes] }, { timeout: TIMEOUT_MS });
        away = false;
        const known = new Map(stocks.map(({ stockCode, available }) => [stockCode, available]));
        return new Map(stockCodes.map((stockCode) => [stockCode, known.get(stockCode) ?? 0n]));
      } catch (error) {
        const reason = error instanceof RemoteError ? error.reason : 'UNKNOWN';
        // Said once, not with every product that somebody looks at; and a caller who leaves says nothing about inventory.
        if (!away && reason !== 'CANCELLED') {
          logger.warn({ reason }, 'inventory does not answer: products are shown without stock');
          away = true;
        }
        return new Map();
      }
    },
  };
}
