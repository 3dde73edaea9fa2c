import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { RemoteError } from '@weft/kit/rpc';
import { stockShop } from '../src/importing/stock-shop.ts';
import type { Clients } from '../src/system/clients.ts';
import type { Session } from '../src/system/session.ts';

const admin: Session = { userId: '1', token: async () => 'token', drop: () => {}, call: (work) => work('token') };
const lantern = { productId: '71053-339', stockCode: '71053', title: 'LANTERN', price: 339n };

interface Stored {
  readonly productId: string;
  readonly stockCode: string;
  readonly title: string;
  readonly price: { currencyCode: string; minorUnits: bigint };
}

function shop(stored: Stored[] = [], stock: [string, { onHand: bigint; reserved: bigint }][] = []) {
  const products = new Map(stored.map((product) => [product.productId, product]));
  const levels = new Map(stock);
  const clients = {
    catalog: {
      createProduct: async (product: Stored) => {
        const there = products.get(product.productId);
        if (there && there.title !== product.title)
          throw new RemoteError(status.ALREADY_EXISTS, 'PRODUCT_EXISTS', 'there');
        products.set(product.productId, product);
        return { product };
      },
      batchGetProducts: async ({ productIds }: { productIds: string[] }) => ({
        products: productIds.map((id) => products.get(id)),
      }),
    },
    inventory: {
      batchGetStock: async ({ stockCodes }: { stockCodes: string[] }) => ({
        stocks: stockCodes.flatMap((stockCode) => {
          const level = levels.get(stockCode);
          return level ? [{ stockCode, ...level }] : [];
        }),
      }),
      setStock: async ({ stockCode, onHand }: { stockCode: string; onHand: bigint }) => {
        levels.set(stockCode, { onHand, reserved: levels.get(stockCode)?.reserved ?? 0n });
        return {};
      },
    },
  };
  return { clients: clients as unknown as Clients, products, levels };
}

const fill = (clients: Clients, needed = 10n) =>
  stockShop({ products: [lantern], needed: new Map([['71053', needed]]) }, clients, admin, 2, () => {});

describe('an import', () => {
  it('puts products into an empty shop, and their pieces on its shelves', async () => {
    const { clients, products, levels } = shop();
    expect(await fill(clients)).toEqual({ kept: 0, conflicts: [], onHand: new Map([['71053', 10n]]) });
    expect(products.get('71053-339')).toMatchObject({ price: { currencyCode: 'GBP', minorUnits: 339n } });
    expect(levels.get('71053')?.onHand).toBe(10n);
  });

  it('adds its pieces to those that are there, so that two files add up', async () => {
    const { clients, levels } = shop();
    await fill(clients, 10n);
    await fill(clients, 7n);
    expect(levels.get('71053')?.onHand).toBe(17n);
  });

  it('leaves pieces that are promised to orders to them', async () => {
    const { clients, levels } = shop([], [['71053', { onHand: 4n, reserved: 4n }]]);
    await fill(clients);
    expect(levels.get('71053')).toEqual({ onHand: 14n, reserved: 4n });
  });

  it('keeps the title of a product that is there', async () => {
    const there = { ...lantern, title: 'WHITE METAL LANTERN', price: { currencyCode: 'GBP', minorUnits: 339n } };
    const { clients, products } = shop([there]);
    expect(await fill(clients)).toMatchObject({ kept: 1, conflicts: [] });
    expect(products.get('71053-339')?.title).toBe('WHITE METAL LANTERN');
  });

  it('names a product that is there at another price', async () => {
    const there = { ...lantern, title: 'OTHER', price: { currencyCode: 'GBP', minorUnits: 1n } };
    expect(await fill(shop([there]).clients)).toMatchObject({ kept: 0, conflicts: ['71053-339'] });
  });
});
