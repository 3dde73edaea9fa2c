import type { Part } from './ledger.ts';
import type { Sale } from './plan.ts';

/** An order as the orders service tells it. Money is in hundredths of its currency. */
export interface OrderEvidence {
  readonly orderId: string;
  /** For example COMPLETED. */
  readonly status: string;
  readonly reason: string;
  readonly currency: string;
  readonly total: bigint;
  readonly refunded: bigint;
  readonly lines: readonly {
    readonly productId: string;
    readonly stockCode: string;
    readonly pieces: bigint;
    readonly price: bigint;
    readonly returned: bigint;
  }[];
  readonly returns: readonly {
    readonly returnId: string;
    readonly settled: boolean;
    readonly refund: bigint;
    readonly lines: readonly { readonly productId: string; readonly pieces: bigint }[];
  }[];
}

/** A payment as the payments service tells it. */
export interface PaymentEvidence {
  /** For example CAPTURED. */
  readonly status: string;
  readonly currency: string;
  readonly amount: bigint;
  readonly captured: bigint;
  readonly refunded: bigint;
}

/** A shipment as the shipping service tells it. */
export interface ShipmentEvidence {
  /** For example DISPATCHED. */
  readonly status: string;
  readonly lines: readonly { readonly stockCode: string; readonly pieces: bigint }[];
}

/** Stock as the inventory service tells it. */
export interface StockEvidence {
  readonly onHand: bigint;
  readonly reserved: bigint;
}

/** What the servers say of a replay, each service for itself. */
export interface Evidence {
  readonly orders: ReadonlyMap<string, OrderEvidence>;
  /** By order; absent where no payment was ever asked for. */
  readonly payments: ReadonlyMap<string, PaymentEvidence>;
  /** By order; absent where no shipment was ever asked for. */
  readonly shipments: ReadonlyMap<string, ShipmentEvidence>;
  readonly stockBefore: ReadonlyMap<string, StockEvidence>;
  readonly stockAfter: ReadonlyMap<string, StockEvidence>;
  /** Orders of the same customers made meanwhile, which this replay did not place. */
  readonly strangers: readonly string[];
}

/** A part of a return that the orders service accepted. */
export interface TakenPart extends Part {
  readonly returnId: string;
  readonly source: { readonly line: number; readonly invoice: string };
  /** Price of one on the return's own line. */
  readonly listedPrice: bigint;
}

/** What a replay did, as it knows it. */
export interface Deeds {
  readonly placed: readonly { readonly sale: Sale; readonly orderId: string }[];
  readonly returned: readonly TakenPart[];
}
