/**
 * A pattern that matches the decimal numbers from `low` to `high` and nothing else: int64 is a string in ProtoJSON, and JSON
 * Schema has no bounds for numbers in strings.
 */
export function decimalPattern(low: bigint, high: bigint): string {
  if (low > high) throw new Error(`${low} is more than ${high}`);
  const negative = low < 0n ? `-(?:${between(high < 0n ? -high : 1n, -low)})` : '';
  const positive = high >= 0n ? between(low > 0n ? low : 0n, high) : '';
  return `^(?:${[negative, positive].filter(Boolean).join('|')})$`;
}

function between(low: bigint, high: bigint): string {
  const parts: string[] = [];
  for (let from = low; from <= high; ) {
    const digits = String(from).length;
    const longest = 10n ** BigInt(digits) - 1n;
    const until = longest < high ? longest : high;
    parts.push(sameLength(String(from), String(until)));
    from = until + 1n;
  }
  return parts.join('|');
}

function sameLength(low: string, high: string): string {
  if (low === high) return low;
  const [first = '', last = ''] = [low[0], high[0]];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) return first + grouped(sameLength(lowRest, highRest));
  const lowWhole = /^0*$/.test(lowRest);
  const highWhole = /^9*$/.test(highRest);
  const from = lowWhole ? Number(first) : Number(first) + 1;
  const until = highWhole ? Number(last) : Number(last) - 1;
  return [
    lowWhole ? '' : first + grouped(sameLength(lowRest, '9'.repeat(lowRest.length))),
    from > until ? '' : digit(from, until) + any(lowRest.length),
    highWhole ? '' : last + grouped(sameLength('0'.repeat(highRest.length), highRest)),
  ]
    .filter(Boolean)
    .join('|');
}

const grouped = (pattern: string): string => (pattern.includes('|') ? `(?:${pattern})` : pattern);
const digit = (from: number, until: number): string => (from === until ? String(from) : `[${from}-${until}]`);
const any = (count: number): string => (count === 0 ? '' : count === 1 ? '[0-9]' : `[0-9]{${count}}`);
