import type { Reservation, StockLine } from '../domain/reservation.ts';
import type { Stock } from '../domain/stock.ts';

/** What happened, to be published with the state that it changed. */
export type InventoryEvent =
  | { readonly type: 'stock-set'; readonly stock: Stock }
  | { readonly type: 'reservation-changed'; readonly reservation: Reservation }
  | {
      readonly type: 'reservation-rejected';
      readonly reservationId: string;
      readonly reason: string;
      readonly at: Date;
    }
  | {
      readonly type: 'stock-restocked';
      readonly restockId: string;
      readonly lines: readonly StockLine[];
      readonly at: Date;
    };

/** Pieces added to what is on hand and to what is reserved of a stock code; either may be negative. */
export interface StockChange {
  readonly stockCode: string;
  readonly onHand: bigint;
  readonly reserved: bigint;
}

/** One transaction of inventory. */
export interface InventoryTransaction {
  /**
   * Saves a new reservation and takes its pieces from what is available, with the commit and without a look at either. The
   * commit fails with StockMoved when the reservation stands or there is not enough.
   */
  reserveUnseen(reservation: Reservation): void;
  /** Saves a new reservation; false when one with its id stands, also one that was being made at the same time. */
  insertReservation(reservation: Reservation): Promise<boolean>;
  /** The reservation as this process made it: it may have moved since, which only `updateReservation` notices. */
  recent(reservationId: string): Reservation | undefined;
  /** Locked until the end of the transaction. */
  reservation(reservationId: string): Promise<Reservation | undefined>;
  /** With the commit. When the reservation is not as `before` any more, the work runs again. */
  updateReservation(before: Reservation, after: Reservation): void;
  /** Locked until the end of the transaction, always in the same order. */
  stocks(stockCodes: readonly string[]): Promise<Map<string, Stock>>;
  /** Saves the stock of a new code; false when there is one, also one that was being made at the same time. */
  insertStock(stock: Stock): Promise<boolean>;
  updateStock(stock: Stock): Promise<void>;
  /** As they are now, not locked: others may change them before the commit. */
  peekStocks(stockCodes: readonly string[]): Promise<Map<string, Stock>>;
  /** With the commit, which fails with StockMoved when there would be less than nothing of one. Locks in the order of `stocks`. */
  changeStocks(changes: readonly StockChange[], now: Date): void;
  /** Adds to what is on hand, creating the stocks that are not there; gives them as they are then. */
  addStocks(lines: readonly StockLine[], now: Date): Promise<Stock[]>;
  publish(event: InventoryEvent): void;
}

export interface InventoryStore {
  transaction<T>(work: (tx: InventoryTransaction) => Promise<T>): Promise<T>;
  findStocks(stockCodes: readonly string[]): Promise<Map<string, Stock>>;
}
