import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { assertSameProduct, changeProduct, newProduct, ProductExists, VersionMismatch } from '../src/domain/product.ts';

const ADDED = new Date('2026-01-02T03:04:05.678Z');
const LATER = new Date('2026-02-03T04:05:06.789Z');
const content = { stockCode: '85123A', title: 'Holder', description: '', price: { currency: 'GBP', minorUnits: 255n } };
const holder = newProduct('85123A-255', content, ADDED);

const price = fc.record({ currency: fc.constantFrom('GBP', 'EUR'), minorUnits: fc.constantFrom(255n, 295n) });
const change = fc.record(
  { title: fc.constantFrom('Holder', 'White holder'), description: fc.constantFrom('', 'Hangs'), price },
  { requiredKeys: [] },
);

describe('a change of a product', () => {
  it('raises the version by one exactly when a field changes', () => {
    fc.assert(
      fc.property(change, fc.constantFrom(0n, 1n), (wanted, expectedVersion) => {
        const changed = changeProduct(holder, wanted, expectedVersion, LATER);
        const after = { ...holder, ...wanted };
        if (changed === holder) expect(after).toEqual(holder);
        else expect(changed).toEqual({ ...after, version: 2n, updatedAt: LATER });
      }),
    );
  });

  it('is refused at another version than the expected one', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n, max: 9n }), (expectedVersion) => {
        expect(() => changeProduct(holder, { title: 'White holder' }, expectedVersion, LATER)).toThrow(VersionMismatch);
      }),
    );
  });

  it('made again because its answer was lost finds itself done', () => {
    const wanted = { price: { currency: 'GBP', minorUnits: 295n } };
    const changed = changeProduct(holder, wanted, 1n, LATER);
    expect(changeProduct(changed, wanted, 1n, LATER)).toBe(changed);
    expect(() => changeProduct(changed, { title: 'Other' }, 1n, LATER)).toThrow(VersionMismatch);
    expect(() => changeProduct(changed, {}, 1n, LATER)).toThrow(VersionMismatch);
  });
});

describe('a product that is created again', () => {
  it('is the same one only with the same content', () => {
    fc.assert(
      fc.property(change, fc.constantFrom('85123A', '85123B'), (changes, stockCode) => {
        const again = { ...content, ...changes, stockCode };
        const same = JSON.stringify(again, digits) === JSON.stringify(content, digits);
        if (same) assertSameProduct(holder, again);
        else expect(() => assertSameProduct(holder, again)).toThrow(ProductExists);
      }),
    );
  });
});

function digits(_: string, value: unknown) {
  return typeof value === 'bigint' ? String(value) : value;
}
