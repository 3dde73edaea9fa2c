import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService, RestockResponse } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { failPoint } from '@weft/kit/fail-point';
import { type CallContext, type ServiceBinding, serveService } from '@weft/kit/rpc';
import { resumeTokenOf, versionOf, type Wakeups, watchChanges } from '@weft/kit/watch';
import { commit } from '../app/commit.ts';
import type { InventoryStore, InventoryTransaction } from '../app/ports.ts';
import { release } from '../app/release.ts';
import { reserve } from '../app/reserve.ts';
import { restock } from '../app/restock.ts';
import { setStock } from '../app/set-stock.ts';
import { type Stock, StockNotFound } from '../domain/stock.ts';
import { toReservation, toStock } from './messages.ts';

export interface InventoryApp {
  readonly store: InventoryStore;
  readonly wakeups: Wakeups;
  /** Runs the work once for the call's idempotency key and gives its encoded response. */
  readonly once: (
    call: CallContext,
    key: string,
    work: (tx: InventoryTransaction) => Promise<Uint8Array>,
  ) => Promise<Uint8Array>;
  readonly now: () => Date;
}

export function inventoryHandlers({ store, wakeups, once, now }: InventoryApp): ServiceBinding {
  const find = async (stockCode: string): Promise<Stock> => {
    const stock = (await store.findStocks([stockCode])).get(stockCode);
    if (!stock) throw new StockNotFound(stockCode);
    return stock;
  };
  return serveService(InventoryServiceService, InventoryService, {
    setStock: async ({ stockCode, onHand }) => ({ stock: toStock(await setStock(store, stockCode, onHand, now())) }),
    getStock: async ({ stockCode }) => ({ stock: toStock(await find(stockCode)) }),
    batchGetStock: async ({ stockCodes }) => {
      const found = await store.findStocks(stockCodes);
      return { stocks: stockCodes.flatMap((code) => found.get(code) ?? []).map(toStock) };
    },
    watchStock: async function* ({ stockCode, resumeToken }, { signal }) {
      const read = async (seen: bigint | undefined) => {
        const stock = await find(stockCode);
        return seen === undefined || stock.version > seen ? [{ version: stock.version, settled: false, stock }] : [];
      };
      const changes = watchChanges(read, wakeups, stockCode, versionOf(resumeToken), signal);
      for await (const { stock, version } of changes)
        yield { stock: toStock(stock), resumeToken: resumeTokenOf(version) };
    },
    reserve: async ({ reservationId, lines }) => {
      const reservation = await reserve(store, reservationId.toLowerCase(), lines, now());
      failPoint('inventory', 'reserved');
      return { reservation: toReservation(reservation) };
    },
    commit: async ({ reservationId }) => {
      const reservation = await commit(store, reservationId.toLowerCase(), now());
      failPoint('inventory', 'committed');
      return { reservation: toReservation(reservation) };
    },
    release: async ({ reservationId }) => ({
      reservation: toReservation(await release(store, reservationId.toLowerCase(), now())),
    }),
    restock: async ({ idempotencyKey, restockId, lines }, call) => {
      const response = await once(call, idempotencyKey, async (tx) => {
        const stocks = await restock(tx, restockId.toLowerCase(), lines, now());
        return RestockResponse.encode({ stocks: stocks.map(toStock) }).finish();
      });
      return RestockResponse.decode(response);
    },
  });
}
