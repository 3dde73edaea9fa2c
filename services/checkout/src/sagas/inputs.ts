import type { Amount, StockLine } from '../app/ports.ts';
import type { SagaInput } from '../domain/saga.ts';

export interface PlaceOrderInput {
  readonly customerId: string;
  readonly lines: readonly StockLine[];
  readonly total: Amount;
  readonly paymentMethodToken: string;
  /** To an address, which orders knows; otherwise the customer picks it up. */
  readonly delivered: boolean;
}

/** What a cancellation or a return gives back. */
export interface GiveBackInput {
  readonly lines: readonly StockLine[];
  readonly refund: Amount;
}

interface StoredLine {
  readonly stockCode: string;
  readonly quantity: string;
}

interface StoredAmount {
  readonly currencyCode: string;
  readonly minorUnits: string;
}

interface StoredOrder {
  readonly customerId: string;
  readonly lines: readonly StoredLine[];
  readonly total: StoredAmount;
  readonly paymentMethodToken: string;
  /** Absent in what was stored before there were shipments. */
  readonly delivered?: boolean;
}

/** Pieces by stock code: several products of an order may be sold from one stock. */
export function byStockCode(lines: readonly StockLine[]): StockLine[] {
  const sums = new Map<string, bigint>();
  for (const { stockCode, quantity } of lines) sums.set(stockCode, (sums.get(stockCode) ?? 0n) + quantity);
  return [...sums].map(([stockCode, quantity]) => ({ stockCode, quantity }));
}

// Inputs are stored as JSON, which has no bigint.
const storeLines = (lines: readonly StockLine[]): StoredLine[] =>
  lines.map(({ stockCode, quantity }) => ({ stockCode, quantity: String(quantity) }));
const readLines = (lines: readonly StoredLine[]): StockLine[] =>
  lines.map(({ stockCode, quantity }) => ({ stockCode, quantity: BigInt(quantity) }));
const storeAmount = ({ currencyCode, minorUnits }: Amount): StoredAmount => ({
  currencyCode,
  minorUnits: String(minorUnits),
});
const readAmount = ({ currencyCode, minorUnits }: StoredAmount): Amount => ({
  currencyCode,
  minorUnits: BigInt(minorUnits),
});

export function storePlaceOrder({ lines, total, ...rest }: PlaceOrderInput): SagaInput {
  return { ...rest, lines: storeLines(lines), total: storeAmount(total) };
}

export function readPlaceOrder(input: SagaInput): PlaceOrderInput {
  const { lines, total, ...rest } = input as unknown as StoredOrder;
  return { delivered: false, ...rest, lines: readLines(lines), total: readAmount(total) };
}

export function storeGiveBack({ lines, refund }: GiveBackInput): SagaInput {
  return { lines: storeLines(lines), refund: storeAmount(refund) };
}

export function readGiveBack(input: SagaInput): GiveBackInput {
  const stored = input as { lines: StoredLine[]; refund: StoredAmount };
  return { lines: readLines(stored.lines), refund: readAmount(stored.refund) };
}
