import { type Stock, setOnHand } from '../domain/stock.ts';
import type { InventoryStore } from './ports.ts';

/** Sets what is on hand of a stock code, creating it at first. */
export function setStock(store: InventoryStore, stockCode: string, onHand: bigint, now: Date): Promise<Stock> {
  return store.transaction(async (tx) => {
    const standing = (await tx.stocks([stockCode])).get(stockCode);
    const stock = setOnHand(standing, stockCode, onHand, now);
    if (stock === standing) return stock;
    await tx.saveStock(stock);
    tx.publish({ type: 'stock-set', stock });
    return stock;
  });
}
