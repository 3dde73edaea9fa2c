import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planReplay } from '../src/replay/plan.ts';
import type { Column } from '../src/shop/file.ts';
import { shopFile } from './shop-lines.ts';

const plan = (lines: readonly Partial<Record<Column, string>>[]) => planReplay(shopFile(lines));
const reasons = (untaken: readonly { reason: string }[]) => untaken.map(({ reason }) => reason);

describe('the plan of a replay', () => {
  it('makes an order of each invoice, in the order of the file', async () => {
    const { invoices } = await plan([{ invoice: '3' }, { invoice: '1' }, { invoice: '3', code: '22000' }]);
    expect(invoices.map(({ invoice, sequence, lines }) => [invoice, sequence, lines.length])).toEqual([
      ['3', 0, 2],
      ['1', 1, 1],
    ]);
  });

  it('merges lines of the same code and price, and keeps other prices apart', async () => {
    const { invoices } = await plan([{ quantity: '2' }, { quantity: '3' }, { quantity: '4', price: '2.10' }]);
    expect(invoices[0]?.lines).toMatchObject([
      { productId: '85123A-255', pieces: 5n, sources: [{ line: 2 }, { line: 3 }] },
      { productId: '85123A-210', pieces: 4n },
    ]);
  });

  it('takes no line without a customer, and none of another customer than its invoice has', async () => {
    const { invoices, untaken } = await plan([
      { customer: '' },
      { customer: '1' },
      { customer: '2' },
      { invoice: '7', customer: '' },
    ]);
    expect(invoices).toMatchObject([{ customer: '1', lines: [{ pieces: 6n }] }]);
    expect(reasons(untaken)).toEqual(['NO_CUSTOMER', 'MIXED_CUSTOMERS', 'NO_CUSTOMER']);
  });

  it('reports an invoice of more than 1,000 products whole, and splits none', async () => {
    const lines = Array.from({ length: 1001 }, (_, index) => ({ code: String(10_000 + index) }));
    const { invoices, untaken } = await plan([...lines, { invoice: '2' }]);
    expect(invoices).toMatchObject([{ invoice: '2', sequence: 0 }]);
    expect(untaken).toHaveLength(1001);
    expect(new Set(reasons(untaken))).toEqual(new Set(['TOO_MANY_LINES']));
  });

  it('reports a product of more than a million pieces, and takes the others', async () => {
    const { invoices, untaken } = await plan([{ quantity: '999999' }, { quantity: '2' }, { code: '22000' }]);
    expect(invoices).toMatchObject([{ lines: [{ stockCode: '22000' }] }]);
    expect(untaken).toMatchObject([
      { line: 2, quantity: 999_999n },
      { line: 3, quantity: 2n },
    ]);
  });

  it('plans or lists every piece of every line', async () => {
    const field = <T extends string>(...values: T[]) => fc.constantFrom(...values);
    const line = fc.record({
      invoice: field('1', '2', 'C3', 'C4', ''),
      code: field('85123A', '22960', 'POST', ''),
      quantity: field('1', '7', '0', '-3', '999999', 'x'),
      price: field('1.00', '2.5', '0', '-1', '0.001', '?'),
      customer: field('', '10', '11'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 40 }), async (lines) => {
        const { records, invoices, untaken } = await plan(lines);
        expect(records).toHaveLength(lines.length);
        const found = new Map<number, bigint>();
        const add = (place: number, pieces: bigint) => found.set(place, (found.get(place) ?? 0n) + pieces);
        for (const invoice of invoices) {
          if (invoice.kind === 'sale') {
            for (const source of invoice.lines.flatMap(({ sources }) => sources)) add(source.line, source.pieces);
          } else for (const one of invoice.lines) add(one.line, one.pieces);
        }
        for (const one of untaken)
          add(one.line, one.quantity === null ? 0n : one.quantity < 0n ? -one.quantity : one.quantity);
        for (const record of records) expect(found.get(record.line)).toBe(record.pieces ?? 0n);
      }),
    );
  });
});
