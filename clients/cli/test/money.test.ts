import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatCount, formatMoney, parsePence } from '../src/shop/money.ts';

describe('a price', () => {
  it.each([
    ['2.55', 255n],
    ['27.5', 2750n],
    ['18', 1800n],
    ['0', 0n],
    ['0.00', 0n],
    ['0.29', 29n],
    ['1.100', 110n],
    ['-11062.06', -1106206n],
    ['38970', 3897000n],
  ])('%s is read to the penny', (text, pence) => {
    expect(parsePence(text)).toBe(pence);
  });

  it.each(['0.001', '1.055', '-0.005', '1.0000001'])('%s is not in whole pence', (text) => {
    expect(parsePence(text)).toBe('fraction');
  });

  it.each(['', '.5', '1.', '1,000.00', '1e3', '£2', 'NaN', ' 1', '1 ', '+1', '--1', '1234567890123'])(
    '%j is no price',
    (text) => {
      expect(parsePence(text)).toBeUndefined();
    },
  );

  it('survives being written and read for every amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n }), fc.nat({ max: 4 }), (pence, zeros) => {
        const digits = (pence < 0n ? -pence : pence).toString().padStart(3, '0');
        const text = `${pence < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}${'0'.repeat(zeros)}`;
        expect(parsePence(text)).toBe(pence);
      }),
    );
  });
});

describe('money for people', () => {
  it.each([
    [0n, '£0.00'],
    [5n, '£0.05'],
    [123456789n, '£1,234,567.89'],
    [-2750n, '-£27.50'],
  ])('%s pence is %s', (pence, text) => {
    expect(formatMoney(pence)).toBe(text);
  });

  it('names a currency that has no sign here', () => {
    expect(formatMoney(1234n, 'CHF')).toBe('12.34 CHF');
  });

  it('groups whole numbers', () => {
    expect([formatCount(0), formatCount(999n), formatCount(1_234_567n), formatCount(-1234)]).toEqual([
      '0',
      '999',
      '1,234,567',
      '-1,234',
    ]);
  });
});
