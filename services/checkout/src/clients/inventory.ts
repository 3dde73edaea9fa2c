import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import type { ServiceRuntime } from '@weft/kit/module';
import type { Inventory, StockLine } from '../app/ports.ts';

export function inventoryClient(client: ServiceRuntime<never, never>['client']): Inventory {
  const inventory = client('inventory', InventoryServiceService, InventoryService);
  const copy = (lines: readonly StockLine[]) => lines.map(({ stockCode, quantity }) => ({ stockCode, quantity }));
  return {
    async reserve(reservationId, lines) {
      await inventory.reserve({ reservationId, lines: copy(lines) });
    },
    async release(reservationId) {
      await inventory.release({ reservationId });
    },
    async commit(reservationId) {
      await inventory.commit({ reservationId });
    },
    async restock(idempotencyKey, restockId, lines) {
      await inventory.restock({ idempotencyKey, restockId, lines: copy(lines) });
    },
  };
}
