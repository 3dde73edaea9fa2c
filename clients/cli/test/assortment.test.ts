import { describe, expect, it } from '@jest/globals';
import { collectAssortment } from '../src/importing/assortment.ts';
import { shopFile } from './shop-lines.ts';

describe('what a shop imports', () => {
  it('is one product for each code and price, and the pieces sold of each code', async () => {
    const { products, needed } = await collectAssortment(
      shopFile([
        { quantity: '6' },
        { quantity: '4', price: '2.10' },
        { quantity: '1' },
        { code: '22960', customer: '' },
      ]),
    );
    expect(products.map(({ productId, price }) => [productId, price])).toEqual([
      ['85123A-255', 255n],
      ['85123A-210', 210n],
      ['22960-255', 255n],
    ]);
    expect([...needed]).toEqual([
      ['85123A', 11n],
      ['22960', 6n],
    ]);
  });

  it('titles a code as most of its lines do, and by the code when none says anything', async () => {
    const { products } = await collectAssortment(
      shopFile([
        { description: 'LANTERN' },
        { description: 'WHITE   METAL LANTERN' },
        { description: 'WHITE METAL LANTERN', price: '3.39' },
        { description: '', price: '1.00' },
        { code: '22960', description: '' },
      ]),
    );
    expect(products.map(({ title }) => title)).toEqual([
      'WHITE METAL LANTERN',
      'WHITE METAL LANTERN',
      'WHITE METAL LANTERN',
      '22960',
    ]);
  });

  it('has neither returns nor lines that sell nothing', async () => {
    const { products, untaken, sellable, lines } = await collectAssortment(
      shopFile([{ invoice: 'C1', quantity: '-1' }, { code: 'POST' }, { price: '0' }]),
    );
    expect({ products, sellable, lines }).toEqual({ products: [], sellable: 0, lines: 3 });
    expect(untaken.map(({ reason }) => reason)).toEqual(['FEE_CODE', 'ZERO_PRICE']);
  });

  it('cuts a title that no catalogue would take', async () => {
    const { products } = await collectAssortment(shopFile([{ description: 'é'.repeat(300) }]));
    expect(products[0]?.title).toBe('é'.repeat(200));
  });
});
