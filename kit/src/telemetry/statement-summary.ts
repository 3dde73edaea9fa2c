const MOST_KNOWN = 1_000;
const MOST_PARTS = 6;
const summaries = new Map<string, string>();

/** Operation and table of each part of a statement, such as `INSERT outbox`: names of ours, no values. */
export function summaryOf(text: string): string {
  const known = summaries.get(text);
  if (known !== undefined) return known;
  const parts = new Set<string>();
  const found = /\b(select\b[\s\S]*?\bfrom|insert\s+into|update|delete\s+from)\s+(?:only\s+)?"?([a-z_][a-z_\d.]*)"?/gi;
  for (const [, operation = '', table = ''] of text.matchAll(found)) {
    parts.add(`${operation.trim().split(/\s/)[0]?.toUpperCase()} ${table.toLowerCase()}`);
    if (parts.size === MOST_PARTS) break;
  }
  const summary = [...parts].join(', ') || (text.trim().split(/\s/)[0] ?? '').toUpperCase();
  if (summaries.size < MOST_KNOWN) summaries.set(text, summary);
  return summary;
}
