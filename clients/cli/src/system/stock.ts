import { eachBounded, inBatches } from './bounded.ts';
import type { Clients } from './clients.ts';
import type { Session } from './session.ts';

export interface StockLevel {
  readonly onHand: bigint;
  readonly reserved: bigint;
}

const BATCH = 500;
const AT_ONCE = 4;

/** On hand and reserved of stock codes; those that inventory does not know are left out. */
export async function readStock(
  inventory: Pick<Clients['inventory'], 'batchGetStock'>,
  admin: Session,
  codes: Iterable<string>,
): Promise<Map<string, StockLevel>> {
  const levels = new Map<string, StockLevel>();
  await eachBounded(inBatches(codes, BATCH), AT_ONCE, async (stockCodes) => {
    const { stocks } = await admin.call((token) => inventory.batchGetStock({ stockCodes }, { token }));
    for (const { stockCode, onHand, reserved } of stocks) levels.set(stockCode, { onHand, reserved });
  });
  return levels;
}
