import { DomainError } from '@weft/kit/failure';
import type { StockLine } from './reservation.ts';

/** What there is of a stock code. Invariant: 0 <= reserved <= onHand. */
export interface Stock {
  readonly stockCode: string;
  readonly onHand: bigint;
  readonly reserved: bigint;
  readonly version: bigint;
  readonly updatedAt: Date;
}

const NAMED_AT_MOST = 10;

export class OutOfStock extends DomainError {
  constructor(short: readonly string[]) {
    const named = short.slice(0, NAMED_AT_MOST).join(',');
    super('failed-precondition', 'OUT_OF_STOCK', `not enough of ${named}`, {
      stock_codes: named,
      count: String(short.length),
    });
  }
}

/** Others took what was there a moment ago: look again. */
export class StockMoved extends DomainError {
  constructor() {
    super('aborted', 'STOCK_MOVED', 'the stock changed meanwhile');
  }
}

export class StockNotFound extends DomainError {
  constructor(stockCode: string) {
    super('not-found', 'STOCK_NOT_FOUND', 'there is no such stock code', { stock_code: stockCode });
  }
}

export class BelowReserved extends DomainError {
  constructor(stockCode: string, reserved: bigint) {
    super('failed-precondition', 'BELOW_RESERVED', 'more pieces than that are reserved', {
      stock_code: stockCode,
      reserved: String(reserved),
    });
  }
}

export const available = (stock: Stock): bigint => stock.onHand - stock.reserved;

export function setOnHand(stock: Stock | undefined, stockCode: string, onHand: bigint, now: Date): Stock {
  if (!stock) return { stockCode, onHand, reserved: 0n, version: 1n, updatedAt: now };
  if (onHand < stock.reserved) throw new BelowReserved(stockCode, stock.reserved);
  return onHand === stock.onHand ? stock : { ...stock, onHand, version: stock.version + 1n, updatedAt: now };
}

/** Throws OutOfStock with every code that is short; an unknown code has nothing. */
export function assertAvailable(stocks: ReadonlyMap<string, Stock>, lines: readonly StockLine[]): void {
  const short = lines.filter(({ stockCode, quantity }) => {
    const stock = stocks.get(stockCode);
    return !stock || available(stock) < quantity;
  });
  if (short.length > 0) throw new OutOfStock(short.map(({ stockCode }) => stockCode));
}
