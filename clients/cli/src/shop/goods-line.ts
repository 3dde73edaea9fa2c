import type { RawLine } from './file.ts';
import { isGoodsCode, isStockCode } from './goods.ts';
import { parsePence } from './money.ts';
import type { Reason, Untaken } from './reasons.ts';

/** A line that sells goods, or takes them back. */
export interface GoodsLine {
  /** Line of the file, the header being 1. */
  readonly line: number;
  readonly invoice: string;
  /** Pieces come back: the invoice begins with C. */
  readonly isReturn: boolean;
  readonly code: string;
  readonly description: string;
  /** More than nothing, on returns too. */
  readonly pieces: bigint;
  /** Pence of one, more than nothing. */
  readonly price: bigint;
  /** Empty when the invoice has none. */
  readonly customer: string;
}

const INVOICE = /^[A-Za-z0-9-]{1,32}$/;
const QUANTITY = /^-?\d{1,9}$/;
const CUSTOMER = /^[A-Za-z0-9-]{0,32}$/;

/** The quantity as the file has it; null when it is no whole number. */
export function quantityOf({ fields }: RawLine): bigint | null {
  return QUANTITY.test(fields.quantity) ? BigInt(fields.quantity) : null;
}

/** Reads a line of goods; the first reason against it otherwise, in the order of the checks below. */
export function readGoodsLine(raw: RawLine): GoodsLine | Untaken {
  const { invoice, code, description } = raw.fields;
  // Spreadsheets and data frames write the numbers of a column with gaps as 17850.0.
  const customer = raw.fields.customer.replace(/\.0$/, '');
  const refuse = (reason: Reason): Untaken => {
    return { line: raw.line, invoice, code, quantity: quantityOf(raw), reason, detail: '' };
  };
  const quantity = quantityOf(raw);
  const price = parsePence(raw.fields.price);
  if (!raw.complete || !INVOICE.test(invoice) || code === '' || !CUSTOMER.test(customer))
    return refuse('MALFORMED_LINE');
  if (quantity === null || price === undefined) return refuse('MALFORMED_LINE');
  if (!isGoodsCode(code)) return refuse('FEE_CODE');
  if (price === 'fraction') return refuse('FRACTIONAL_PENCE');
  if (price === 0n) return refuse('ZERO_PRICE');
  if (price < 0n) return refuse('NEGATIVE_PRICE');
  const isReturn = invoice.startsWith('C');
  if (isReturn && quantity >= 0n) return refuse('NOT_NEGATIVE');
  if (!isReturn && quantity <= 0n) return refuse('NO_QUANTITY');
  if (!isStockCode(code, price)) return refuse('MALFORMED_LINE');
  const pieces = isReturn ? -quantity : quantity;
  return { line: raw.line, invoice, isReturn, code, description, pieces, price, customer };
}
