import { type Stock, setOnHand } from '../domain/stock.ts';
import type { InventoryStore } from './ports.ts';

/** Sets what is on hand of a stock code, creating it at first. */
export function setStock(store: InventoryStore, stockCode: string, onHand: bigint, now: Date): Promise<Stock> {
  return store.transaction(async (tx) => {
    const find = async () => (await tx.stocks([stockCode])).get(stockCode);
    let standing = await find();
    let stock = setOnHand(standing, stockCode, onHand, now);
    if (!standing && !(await tx.insertStock(stock))) {
      // Somebody else created it meanwhile.
      standing = (await find()) as Stock;
      stock = setOnHand(standing, stockCode, onHand, now);
    }
    if (stock === standing) return stock;
    if (standing) await tx.updateStock(stock);
    tx.publish({ type: 'stock-set', stock });
    return stock;
  });
}
