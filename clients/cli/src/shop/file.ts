import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { CommandFailure } from './failure.ts';

const COLUMNS = {
  invoice: 'InvoiceNo',
  code: 'StockCode',
  description: 'Description',
  quantity: 'Quantity',
  date: 'InvoiceDate',
  price: 'UnitPrice',
  customer: 'CustomerID',
  country: 'Country',
} as const;

export type Column = keyof typeof COLUMNS;

/** A record of the shop's file as it stands there, without spaces around its fields. */
export interface RawLine {
  /** Line of the file that it ends on, the header being 1. */
  readonly line: number;
  readonly fields: Readonly<Record<Column, string>>;
  /** It has as many fields as the header. */
  readonly complete: boolean;
}

const MAX_RECORD = 64 * 1024;

/**
 * Reads the real shop's columns from a CSV file, one record at a time and in order. Throws CommandFailure when the file
 * cannot be read, a column is missing or a quote is never closed.
 */
export async function* readShopFile(path: string): AsyncGenerator<RawLine> {
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: MAX_RECORD,
  });
  const source = createReadStream(path);
  pipeline(source, parser, () => {});
  let columns: Readonly<Record<Column, number>> | undefined;
  let width = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (!columns) {
        columns = columnsOf(record, path);
        width = record.length;
        continue;
      }
      const entries = Object.entries(columns).map(([name, index]) => [name, (record[index] ?? '').trim()]);
      const fields = Object.fromEntries(entries) as Record<Column, string>;
      yield { line: info.lines, fields, complete: record.length === width };
    }
  } catch (error) {
    throw readable(error, path);
  } finally {
    source.destroy();
  }
  if (!columns) throw new CommandFailure(`${path} is empty`);
}

function columnsOf(header: readonly string[], path: string): Readonly<Record<Column, number>> {
  const missing = Object.values(COLUMNS).filter((name) => !header.includes(name));
  if (missing.length > 0) throw new CommandFailure(`${path} has no column ${missing.join(', ')}`);
  const entries = Object.entries(COLUMNS).map(([key, name]) => [key, header.indexOf(name)]);
  return Object.fromEntries(entries) as Record<Column, number>;
}

function readable(error: unknown, path: string): unknown {
  if (error instanceof CsvError) {
    const open = error.code === 'CSV_MAX_RECORD_SIZE' || error.code === 'CSV_QUOTE_NOT_CLOSED';
    const what = open ? 'a quote that is opened there is not closed' : error.message;
    const line = (error as CsvError & { lines?: number }).lines;
    return new CommandFailure(`${path}${line === undefined ? '' : `, line ${line}`}: ${what}`);
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new CommandFailure(`${path} is not there`);
  if (code === 'EISDIR') return new CommandFailure(`${path} is a folder`);
  if (code === 'EACCES') return new CommandFailure(`${path} may not be read`);
  return error;
}
