import { describe, expect, it } from '@jest/globals';
import type { Column } from '../src/shop/file.ts';
import { isGoodsCode } from '../src/shop/goods.ts';
import { readGoodsLine } from '../src/shop/goods-line.ts';
import { rawLine } from './shop-lines.ts';

const reasonFor = (fields: Partial<Record<Column, string>>) => {
  const line = readGoodsLine(rawLine(fields));
  return 'reason' in line ? line.reason : 'taken';
};

describe('a stock code', () => {
  it.each(['85123A', '22960', '15056BL', '15056bl', 'gift_0001_20', 'DCGS0003', 'DCGSSBOY', 'SP1002'])(
    '%s stands for goods',
    (code) => {
      expect(isGoodsCode(code)).toBe(true);
    },
  );

  it.each(['POST', 'D', 'M', 'm', 'C2', 'DOT', 'S', 'B', 'CRUK', 'PADS', 'AMAZONFEE', 'BANK CHARGES'])(
    '%s stands for no goods',
    (code) => {
      expect(isGoodsCode(code)).toBe(false);
    },
  );
});

describe('a line', () => {
  it('sells pieces at a price to the penny', () => {
    expect(readGoodsLine(rawLine())).toMatchObject({ isReturn: false, code: '85123A', pieces: 6n, price: 255n });
  });

  it('of an invoice that begins with C gives pieces back', () => {
    const line = readGoodsLine(rawLine({ invoice: 'C536391', quantity: '-12' }));
    expect(line).toMatchObject({ isReturn: true, pieces: 12n });
  });

  it('has the customer that a data frame wrote as a decimal', () => {
    expect(readGoodsLine(rawLine({ customer: '17850.0' }))).toMatchObject({ customer: '17850' });
  });

  it.each<[string, Partial<Record<Column, string>>, string]>([
    ['without a code', { code: '' }, 'MALFORMED_LINE'],
    ['without a number for its quantity', { quantity: 'six' }, 'MALFORMED_LINE'],
    ['of half a piece', { quantity: '0.5' }, 'MALFORMED_LINE'],
    ['without a number for its price', { price: '' }, 'MALFORMED_LINE'],
    ['with a code that no catalogue takes', { code: '85123 A' }, 'MALFORMED_LINE'],
    ['with a customer that is no id', { customer: 'a@b.example' }, 'MALFORMED_LINE'],
    ['of postage', { code: 'POST' }, 'FEE_CODE'],
    ['of bank charges at a negative price', { code: 'B', price: '-11062.06' }, 'FEE_CODE'],
    ['for nothing', { price: '0' }, 'ZERO_PRICE'],
    ['for less than nothing', { price: '-1.00' }, 'NEGATIVE_PRICE'],
    ['for a tenth of a penny', { price: '0.001' }, 'FRACTIONAL_PENCE'],
    ['that sells no pieces', { quantity: '0' }, 'NO_QUANTITY'],
    ['that sells fewer than no pieces', { quantity: '-10' }, 'NO_QUANTITY'],
    ['that gives back fewer than no pieces', { invoice: 'C1', quantity: '10' }, 'NOT_NEGATIVE'],
  ])('%s is not taken, and says why', (_, fields, reason) => {
    expect(reasonFor(fields)).toBe(reason);
  });

  it('with fewer fields than the header is malformed', () => {
    expect(readGoodsLine({ ...rawLine(), complete: false })).toMatchObject({ reason: 'MALFORMED_LINE', quantity: 6n });
  });
});
