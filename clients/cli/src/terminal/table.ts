import { stripVTControlCharacters } from 'node:util';

/** Rows with aligned columns, each after two spaces. Columns that `right` names end on the same place. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const width = (cell: string) => [...stripVTControlCharacters(cell)].length;
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell));
  }
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      const space = ' '.repeat((widths[column] ?? 0) - width(cell));
      return right.includes(column) ? space + cell : cell + space;
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
  return lines.join('\n');
}
