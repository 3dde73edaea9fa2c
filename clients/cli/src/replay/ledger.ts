import type { SaleLine } from './plan.ts';

/** A sale that went through. */
export interface CompletedSale {
  readonly orderId: string;
  /** Place of its invoice in the file. */
  readonly sequence: number;
  readonly customer: string;
  readonly lines: readonly Pick<SaleLine, 'productId' | 'stockCode' | 'price' | 'pieces'>[];
}

/** Pieces of an order that come back, at the price that was paid for them. */
export interface Part {
  readonly orderId: string;
  readonly sequence: number;
  readonly productId: string;
  readonly stockCode: string;
  readonly price: bigint;
  readonly pieces: bigint;
}

export interface Wanted {
  readonly customer: string;
  readonly code: string;
  readonly price: bigint;
  readonly pieces: bigint;
  /** Only sales before this place in the file. */
  readonly before: number;
}

export interface Ledger {
  record(sale: CompletedSale): void;
  /**
   * Finds the earlier sales that pieces come back from: first those at the price of the return, then the others; among
   * each the most recent first, as a customer returns what was bought last. What it gives out is not given out again.
   */
  allocate(wanted: Wanted): { parts: readonly Part[]; left: bigint };
  /** Puts a part back that was not returned in the end. */
  restore(part: Part): void;
}

/** What customers have bought in this replay and not returned yet. */
export function createLedger(): Ledger {
  const bought = new Map<string, (Omit<Part, 'pieces'> & { left: bigint })[]>();
  const keyOf = (customer: string, code: string) => `${customer} ${code}`;
  const byOrder = new Map<string, string>();
  return {
    record({ orderId, sequence, customer, lines }) {
      byOrder.set(orderId, customer);
      for (const { productId, stockCode, price, pieces } of lines) {
        const key = keyOf(customer, stockCode);
        const entries = bought.get(key) ?? [];
        entries.push({ orderId, sequence, productId, stockCode, price, left: pieces });
        entries.sort((a, b) => b.sequence - a.sequence);
        bought.set(key, entries);
      }
    },
    allocate({ customer, code, price, pieces, before }) {
      const earlier = (bought.get(keyOf(customer, code)) ?? []).filter((entry) => entry.sequence < before);
      const candidates = [
        ...earlier.filter((entry) => entry.price === price),
        ...earlier.filter((entry) => entry.price !== price),
      ];
      const parts: Part[] = [];
      let left = pieces;
      for (const entry of candidates) {
        const whole = entry.left <= left;
        const taken = whole ? entry.left : left;
        if (taken === 0n) continue;
        const { left: _, ...origin } = entry;
        entry.left -= taken;
        left -= taken;
        parts.push({ ...origin, pieces: taken });
      }
      return { parts, left };
    },
    restore({ orderId, productId, stockCode, pieces }) {
      const entries = bought.get(keyOf(byOrder.get(orderId) ?? '', stockCode)) ?? [];
      const entry = entries.find((one) => one.orderId === orderId && one.productId === productId);
      if (entry) entry.left += pieces;
    },
  };
}
