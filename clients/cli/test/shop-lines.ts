import type { Column, RawLine } from '../src/shop/file.ts';

const USUAL: Readonly<Record<Column, string>> = {
  invoice: '536365',
  code: '85123A',
  description: 'WHITE HANGING HEART T-LIGHT HOLDER',
  quantity: '6',
  date: '1/12/2010',
  price: '2.55',
  customer: '17850',
  country: 'United Kingdom',
};

/** A usual sale, except for the given fields. */
export function rawLine(fields: Partial<Record<Column, string>> = {}, line = 2): RawLine {
  return { line, fields: { ...USUAL, ...fields }, complete: true };
}

/** A file of such lines, numbered as they would be in one. */
export async function* shopFile(lines: readonly Partial<Record<Column, string>>[]): AsyncGenerator<RawLine> {
  for (const [index, fields] of lines.entries()) yield rawLine(fields, index + 2);
}
