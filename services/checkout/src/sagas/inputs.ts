import type { Amount, StockLine } from '../app/ports.ts';
import type { SagaInput } from '../domain/saga.ts';

export interface PlaceOrderInput {
  readonly customerId: string;
  readonly lines: readonly StockLine[];
  readonly total: Amount;
  readonly paymentMethodToken: string;
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

export function storePlaceOrder({ customerId, lines, total, paymentMethodToken }: PlaceOrderInput): SagaInput {
  return { customerId, lines: storeLines(lines), total: storeAmount(total), paymentMethodToken };
}

export function readPlaceOrder(input: SagaInput): PlaceOrderInput {
  const stored = input as { customerId: string; lines: StoredLine[]; total: StoredAmount; paymentMethodToken: string };
  return { ...stored, lines: readLines(stored.lines), total: readAmount(stored.total) };
}

export function storeGiveBack({ lines, refund }: GiveBackInput): SagaInput {
  return { lines: storeLines(lines), refund: storeAmount(refund) };
}

export function readGiveBack(input: SagaInput): GiveBackInput {
  const stored = input as { lines: StoredLine[]; refund: StoredAmount };
  return { lines: readLines(stored.lines), refund: readAmount(stored.refund) };
}
