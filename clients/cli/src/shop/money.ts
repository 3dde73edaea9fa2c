const DECIMAL = /^(-?)(\d{1,12})(?:\.(\d{1,12}))?$/;

/** Pence of a decimal text such as `2.55`, exactly; 'fraction' when it is not in whole pence, undefined when it is no number. */
export function parsePence(text: string): bigint | 'fraction' | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  if (/[1-9]/.test(fraction.slice(2))) return 'fraction';
  const pence = BigInt(whole + fraction.slice(0, 2).padEnd(2, '0'));
  return sign === '-' ? -pence : pence;
}

const SYMBOLS: Readonly<Record<string, string>> = { GBP: '£', EUR: '€', USD: '$' };

/** Hundredths of a currency for people: `£1,234.56`. */
export function formatMoney(minorUnits: bigint, currencyCode = 'GBP'): string {
  const digits = (minorUnits < 0n ? -minorUnits : minorUnits).toString().padStart(3, '0');
  const symbol = SYMBOLS[currencyCode];
  const amount = `${grouped(digits.slice(0, -2))}.${digits.slice(-2)}`;
  const sign = minorUnits < 0n ? '-' : '';
  return symbol === undefined ? `${sign}${amount} ${currencyCode}` : `${sign}${symbol}${amount}`;
}

/** A whole number for people: `12,345`. */
export function formatCount(count: bigint | number): string {
  const text = count.toString();
  return text.startsWith('-') ? `-${grouped(text.slice(1))}` : grouped(text);
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}
