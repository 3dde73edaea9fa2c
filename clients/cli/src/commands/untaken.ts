import { writeFile } from 'node:fs/promises';
import { CommandFailure } from '../shop/failure.ts';
import { formatCount } from '../shop/money.ts';
import { type countReasons, REASONS, type Untaken } from '../shop/reasons.ts';

/** Reason, number of lines and explanation, for a table. */
export function reasonRows(reasons: ReturnType<typeof countReasons>): string[][] {
  return reasons.map(({ reason, detail, lines }) => {
    return [detail === '' ? reason : `${reason} (${detail})`, formatCount(lines), REASONS[reason]];
  });
}

/** Writes every line that was not taken, one a row, as CSV. */
export async function writeUntaken(path: string, untaken: readonly Untaken[]): Promise<void> {
  const rows = untaken.map(({ invoice, line, code, quantity, reason, detail }) => {
    return [invoice, line, code, quantity ?? '', reason, detail].map(quoted).join(',');
  });
  try {
    await writeFile(path, `${['InvoiceNo,Line,StockCode,Quantity,Reason,Detail', ...rows].join('\n')}\n`);
  } catch (error) {
    throw new CommandFailure(`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

function quoted(cell: string | number | bigint): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
