import type { InventoryEvent, InventoryStore, InventoryTransaction, StockChange } from '../src/app/ports.ts';
import type { Reservation } from '../src/domain/reservation.ts';
import { available, type Stock, StockMoved } from '../src/domain/stock.ts';

/** A store in memory: a transaction saves all that it changed, or nothing. */
export class MemoryStore implements InventoryStore {
  stocks = new Map<string, Stock>();
  reservations = new Map<string, Reservation>();
  readonly events: InventoryEvent[] = [];

  async transaction<T>(work: (tx: InventoryTransaction) => Promise<T>): Promise<T> {
    const stocks = new Map(this.stocks);
    const reservations = new Map(this.reservations);
    const events: InventoryEvent[] = [];
    const result = await work({
      reserveUnseen(reservation) {
        const { reservationId, lines, createdAt } = reservation;
        const enough = lines.every(({ stockCode, quantity }) => {
          const stock = stocks.get(stockCode);
          return stock !== undefined && available(stock) >= quantity;
        });
        if (!enough || reservations.has(reservationId)) throw new StockMoved();
        reservations.set(reservationId, reservation);
        for (const { stockCode, quantity } of lines)
          changeStock(stocks, { stockCode, onHand: 0n, reserved: quantity }, createdAt);
      },
      async insertReservation(reservation) {
        if (reservations.has(reservation.reservationId)) return false;
        reservations.set(reservation.reservationId, reservation);
        return true;
      },
      reservation: async (reservationId) => reservations.get(reservationId),
      recent: () => undefined,
      updateReservation(_, reservation) {
        reservations.set(reservation.reservationId, reservation);
      },
      stocks: async (stockCodes) => found(stocks, stockCodes),
      peekStocks: async (stockCodes) => found(stocks, stockCodes),
      async insertStock(stock) {
        if (stocks.has(stock.stockCode)) return false;
        stocks.set(stock.stockCode, stock);
        return true;
      },
      async updateStock(stock) {
        stocks.set(stock.stockCode, stock);
      },
      changeStocks(changes, now) {
        for (const change of changes) changeStock(stocks, change, now);
      },
      addStocks: async (lines, now) =>
        lines.map(({ stockCode, quantity }) => changeStock(stocks, { stockCode, onHand: quantity, reserved: 0n }, now)),
      publish: (event) => events.push(event),
    });
    this.stocks = stocks;
    this.reservations = reservations;
    this.events.push(...events);
    return result;
  }

  async findStocks(stockCodes: readonly string[]): Promise<Map<string, Stock>> {
    return found(this.stocks, stockCodes);
  }
}

function found(stocks: ReadonlyMap<string, Stock>, stockCodes: readonly string[]): Map<string, Stock> {
  return new Map(
    stockCodes.flatMap((code) => {
      const stock = stocks.get(code);
      return stock ? [[code, stock] as const] : [];
    }),
  );
}

function changeStock(stocks: Map<string, Stock>, { stockCode, onHand, reserved }: StockChange, now: Date): Stock {
  const standing = stocks.get(stockCode) ?? { onHand: 0n, reserved: 0n, version: 0n };
  const stock = {
    stockCode,
    onHand: standing.onHand + onHand,
    reserved: standing.reserved + reserved,
    version: standing.version + 1n,
    updatedAt: now,
  };
  stocks.set(stockCode, stock);
  return stock;
}
