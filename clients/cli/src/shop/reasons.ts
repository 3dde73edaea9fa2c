/** Why a line of the shop's file, or some of its pieces, was not taken; by stable name. */
export const REASONS = {
  MALFORMED_LINE: 'a field is missing or cannot be read',
  FEE_CODE: 'its code stands for no goods',
  ZERO_PRICE: 'its price is zero',
  NEGATIVE_PRICE: 'its price is negative',
  FRACTIONAL_PENCE: 'its price is not in whole pence',
  NO_QUANTITY: 'its quantity is zero, or negative on a sale',
  NOT_NEGATIVE: 'its quantity is not negative on a return',
  NO_CUSTOMER: 'its invoice has no customer',
  MIXED_CUSTOMERS: 'its invoice belongs to another customer',
  TOO_MANY_PIECES: 'an order holds at most 1,000,000 pieces of a product',
  TOO_MANY_LINES: 'an order holds at most 1,000 products',
  NO_EARLIER_SALE: 'no earlier sale to the customer is left to return',
  ORDER_REFUSED: 'the order was not accepted',
  ORDER_REJECTED: 'the order could not be fulfilled',
  ORDER_UNFINISHED: 'the order did not reach an end state in time',
  RETURN_REFUSED: 'the return was not accepted',
} as const;

export type Reason = keyof typeof REASONS;

/** Pieces of a line of the file that were not taken. */
export interface Untaken {
  /** Line of the file, the header being 1. */
  readonly line: number;
  readonly invoice: string;
  readonly code: string;
  /** The pieces that were not taken, signed as in the file; null when it gives no number. */
  readonly quantity: bigint | null;
  readonly reason: Reason;
  /** What the system answered, for example OUT_OF_STOCK; empty otherwise. */
  readonly detail: string;
}

/** How many lines there are of each reason, most frequent first. */
export function countReasons(untaken: readonly Untaken[]): { reason: Reason; detail: string; lines: number }[] {
  const counts = new Map<string, { reason: Reason; detail: string; lines: number }>();
  for (const { reason, detail } of untaken) {
    const key = `${reason} ${detail}`;
    const count = counts.get(key) ?? { reason, detail, lines: 0 };
    count.lines += 1;
    counts.set(key, count);
  }
  return [...counts.values()].sort((a, b) => b.lines - a.lines);
}
