import { setTimeout as delay } from 'node:timers/promises';
import type { StockLevel } from '../system/stock.ts';
import type { Reconciliation } from './reconcile.ts';

const LIMIT_MS = 3000;
const PAUSE_MS = 250;

/** Reconciles with the stock of now; again, for at most three seconds, while nothing but stock is different. */
export async function waitForStock(
  read: () => Promise<Map<string, StockLevel>>,
  check: (stock: Map<string, StockLevel>) => Reconciliation,
  signal: AbortSignal,
): Promise<Reconciliation> {
  const until = performance.now() + LIMIT_MS;
  for (;;) {
    const result = check(await read());
    const onlyStock = result.differences.every(
      ({ what }) => what.startsWith('stock ') || what.startsWith('pieces off'),
    );
    if (result.reconciled || !onlyStock || performance.now() > until) return result;
    await delay(PAUSE_MS, undefined, { signal });
  }
}
