import { expect, it } from '@jest/globals';
import { capturedMoney } from '../src/captured-money.ts';

it('counts money by its currency, and in one sum what comes in ever more of them', () => {
  const sums = new Map<string, number>();
  const captured = capturedMoney({
    add: (value, { 'weft.currency': currency }) => void sums.set(currency, (sums.get(currency) ?? 0) + value),
  });
  const letters = Array.from({ length: 26 }, (_, index) => String.fromCharCode(65 + index));
  for (let round = 0; round < 2; round++)
    for (const letter of letters) captured({ currencyCode: `XX${letter}`, minorUnits: 5n });
  expect(sums.size).toBe(16);
  expect(sums.get('XXA')).toBe(10);
  expect(sums.get('others')).toBe(110);
});
