import type { RawLine } from '../shop/file.ts';
import { productIdOf } from '../shop/goods.ts';
import { type GoodsLine, quantityOf, readGoodsLine } from '../shop/goods-line.ts';
import type { Reason, Untaken } from '../shop/reasons.ts';

/** Some pieces of a line of the file. */
export interface Source {
  readonly line: number;
  readonly code: string;
  readonly pieces: bigint;
}

/** A product of an order: an order holds each once, an invoice may not. */
export interface SaleLine {
  readonly productId: string;
  readonly stockCode: string;
  readonly price: bigint;
  readonly pieces: bigint;
  readonly sources: readonly Source[];
}

export interface Sale {
  readonly kind: 'sale';
  /** Place in the file, first line first. */
  readonly sequence: number;
  readonly invoice: string;
  readonly customer: string;
  readonly lines: readonly SaleLine[];
}

export interface GoodsReturn {
  readonly kind: 'return';
  readonly sequence: number;
  readonly invoice: string;
  readonly customer: string;
  readonly lines: readonly { line: number; code: string; price: bigint; pieces: bigint }[];
}

/** What a replay of a file has to do. */
export interface Plan {
  /** Every record of the file, with the pieces that it names; null when it names none. */
  readonly records: readonly { line: number; pieces: bigint | null }[];
  /** In the order of the file. */
  readonly invoices: readonly (Sale | GoodsReturn)[];
  /** What is known not to be taken before anything is done. */
  readonly untaken: readonly Untaken[];
}

const MAX_PRODUCTS = 1000;
const MAX_PIECES = 1_000_000n;

/** Turns a shop's file into orders and returns. Holds the file in memory: a hundred bytes or so a line. */
export async function planReplay(file: AsyncIterable<RawLine>): Promise<Plan> {
  const records: { line: number; pieces: bigint | null }[] = [];
  const untaken: Untaken[] = [];
  const byInvoice = new Map<string, GoodsLine[]>();
  for await (const raw of file) {
    const quantity = quantityOf(raw);
    records.push({ line: raw.line, pieces: quantity === null ? null : magnitude(quantity) });
    const line = readGoodsLine(raw);
    if ('reason' in line) {
      untaken.push(line);
      continue;
    }
    const lines = byInvoice.get(line.invoice);
    if (lines) lines.push(line);
    else byInvoice.set(line.invoice, [line]);
  }
  const invoices: (Sale | GoodsReturn)[] = [];
  for (const [invoice, lines] of byInvoice) {
    const planned = planInvoice(invoice, invoices.length, lines, untaken);
    if (planned) invoices.push(planned);
  }
  return { records, invoices, untaken };
}

function planInvoice(
  invoice: string,
  sequence: number,
  all: readonly GoodsLine[],
  untaken: Untaken[],
): Sale | GoodsReturn | undefined {
  const customer = all.find((line) => line.customer !== '')?.customer ?? '';
  const lines = all.filter((line) => {
    if (line.customer === '') untaken.push(untakenLine(line, 'NO_CUSTOMER'));
    else if (line.customer !== customer) untaken.push(untakenLine(line, 'MIXED_CUSTOMERS'));
    return line.customer !== '' && line.customer === customer;
  });
  const [first] = lines;
  if (!first) return undefined;
  if (first.isReturn) return { kind: 'return', sequence, invoice, customer, lines };
  const merged = [...mergeLines(lines).values()].filter((line) => {
    if (line.pieces <= MAX_PIECES) return true;
    for (const source of line.sources)
      untaken.push(untakenLine({ ...source, invoice, isReturn: false }, 'TOO_MANY_PIECES'));
    return false;
  });
  if (merged.length > MAX_PRODUCTS) {
    for (const { sources } of merged) {
      for (const source of sources)
        untaken.push(untakenLine({ ...source, invoice, isReturn: false }, 'TOO_MANY_LINES'));
    }
    return undefined;
  }
  return merged.length === 0 ? undefined : { kind: 'sale', sequence, invoice, customer, lines: merged };
}

function mergeLines(lines: readonly GoodsLine[]): Map<string, SaleLine> {
  const merged = new Map<string, SaleLine>();
  for (const { line, code, price, pieces } of lines) {
    const productId = productIdOf(code, price);
    const before = merged.get(productId);
    merged.set(productId, {
      productId,
      stockCode: code,
      price,
      pieces: pieces + (before?.pieces ?? 0n),
      sources: [...(before?.sources ?? []), { line, code, pieces }],
    });
  }
  return merged;
}

/** Says of pieces of a line that they were not taken, and why. */
export function untakenLine(
  { line, invoice, code, pieces, isReturn }: Pick<GoodsLine, 'line' | 'invoice' | 'code' | 'pieces' | 'isReturn'>,
  reason: Reason,
  detail = '',
): Untaken {
  return { line, invoice, code, quantity: isReturn ? -pieces : pieces, reason, detail };
}

function magnitude(quantity: bigint): bigint {
  return quantity < 0n ? -quantity : quantity;
}
