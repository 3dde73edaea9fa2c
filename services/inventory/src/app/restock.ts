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
  await tx.stocks(lines.map(({ stockCode }) => stockCode));
  const changes = lines.map(({ stockCode, quantity }) => ({ stockCode, onHand: quantity, reserved: 0n }));
  const stocks = await tx.changeStocks(changes, now);
  tx.publish({ type: 'stock-restocked', restockId, lines, at: now });
  return stocks;
}
