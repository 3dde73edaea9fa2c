import type { StockLine } from '../domain/reservation.ts';
import type { Stock } from '../domain/stock.ts';
import type { InventoryTransaction } from './ports.ts';

/** Puts returned pieces on the shelf. The caller's idempotency key makes it happen once. */
export async function restock(
  tx: InventoryTransaction,
  restockId: string,
  lines: readonly StockLine[],
  now: Date,
): Promise<Stock[]> {
  const stocks = await tx.addStocks(lines, now);
  tx.publish({ type: 'stock-restocked', restockId, lines, at: now });
  return stocks;
}
