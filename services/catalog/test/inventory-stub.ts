import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { serveService } from '@weft/kit/rpc';
import { serveStub, some } from '@weft/kit/testing';

/** An inventory that answers as its contract says, over gRPC, and does nothing else. */
export interface InventoryStub {
  readonly target: string;
  readonly stock: Map<string, bigint>;
  /** Stock codes of each call so far. */
  readonly asked: string[][];
  /** From now on it takes calls and answers none. */
  hang(): void;
  stop(): Promise<void>;
}

export async function startInventoryStub(): Promise<InventoryStub> {
  const stock = new Map<string, bigint>();
  const asked: string[][] = [];
  let hanging = false;
  const handlers = some(InventoryServiceService, {
    batchGetStock: async ({ stockCodes }) => {
      asked.push(stockCodes);
      if (hanging) await new Promise(() => {});
      const known = stockCodes.filter((code) => stock.has(code));
      const stocks = known.map((stockCode) => {
        const available = stock.get(stockCode) ?? 0n;
        return { stockCode, onHand: available, reserved: 0n, available, version: 1n, updateTime: undefined };
      });
      return { stocks };
    },
  });
  const binding = serveService(InventoryServiceService, InventoryService, handlers);
  const server = await serveStub('inventory', binding);
  return {
    target: server.target,
    stock,
    asked,
    hang: () => {
      hanging = true;
    },
    stop: () => server.stop(),
  };
}
