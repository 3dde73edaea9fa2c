import type { Money } from './domain/payment.ts';

/** A contract allows any three letters: the first so many have series of their own. */
const MOST_CURRENCIES = 15;
const OTHERS = 'others';

/** Counts money in its minor units, by currency. */
export function capturedMoney(counter: { add(value: number, labels: { readonly 'weft.currency': string }): void }) {
  const known = new Set<string>();
  return ({ currencyCode, minorUnits }: Money): void => {
    if (known.size < MOST_CURRENCIES) known.add(currencyCode);
    counter.add(Number(minorUnits), { 'weft.currency': known.has(currencyCode) ? currencyCode : OTHERS });
  };
}
