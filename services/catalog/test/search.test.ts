import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { refusal } from '@weft/kit/testing';
import fc from 'fast-check';
import { openShop, type Shop } from './fixture.ts';
import { type InventoryStub, startInventoryStub } from './inventory-stub.ts';

let inventory: InventoryStub;
let shop: Shop;

const TITLES: Readonly<Record<string, string>> = {
  '85123A': 'WHITE HANGING HEART T-LIGHT HOLDER',
  '21080': 'SET/20 RED RETROSPOT PAPER NAPKINS',
  '21094': 'SET/6 RED SPOTTY PAPER PLATES',
  '22423': 'REGENCY CAKESTAND 3 TIER',
  '47566': "PARTY BUNTING, JACK'S",
  '84029E': 'RED WOOLLY HOTTIE WHITE HEART.',
  '90214': 'Café crème www.example.com/cups C:\\temp',
  '90215': 'ЛАМПА настольная',
};

beforeAll(async () => {
  inventory = await startInventoryStub();
  shop = await openShop(inventory.target);
  for (const [id, title] of Object.entries(TITLES)) await shop.add(id, { title });
  await shop.add('D1', { title: 'Plain plate', description: 'Goes well with the white heart' });
});

afterAll(async () => {
  await shop.booted.stop();
  await inventory.stop();
});

async function search(query: string, pageSize = 0): Promise<Product[]> {
  const seen: Product[] = [];
  for (let pageToken: string | undefined; pageToken !== ''; ) {
    const page = await shop.anybody.searchProducts({ query, pageSize, pageToken: pageToken ?? '' });
    seen.push(...page.products);
    pageToken = page.nextPageToken;
  }
  return seen;
}

const idsOf = (products: readonly Product[]) => products.map(({ productId }) => productId);

describe('a search', () => {
  it.each([
    ['white', ['84029E', '85123A', 'D1']],
    ['WHITE heart', ['84029E', '85123A', 'D1']],
    ['heart red', ['84029E']],
    ['hang', ['85123A']],
    ['white hang', ['85123A']],
    ['hang white', []],
    ['light', ['85123A']],
    ['t-light', ['85123A']],
    ['set', ['21080', '21094']],
    ['set/6', ['21094']],
    ['6 set', ['21094']],
    ['papers', []],
    ['jack', ['47566']],
    ["jack's", ['47566']],
    ['3', ['22423']],
    ['example', ['90214']],
    ['cups', ['90214']],
    ['café CRÈ', ['90214']],
    ['лам', ['90215']],
    ['red red', ['21080', '21094', '84029E']],
    ['   ', []],
    ['!!! & | :*', []],
    ["red' | 'white", ['84029E']],
    ['red:* & !white', ['84029E']],
    ['red\\', ['21080', '21094', '84029E']],
  ])('for %j finds %j', async (query, expected) => {
    expect(idsOf(await search(query)).sort()).toEqual([...expected].sort());
  });

  it('puts a word in the title before one in the description', async () => {
    expect(idsOf(await search('heart')).at(-1)).toBe('D1');
  });

  it('finds a product under its new title and no longer under its old one', async () => {
    await shop.add('renamed', { title: 'Zebra' });
    const update = { productId: 'renamed', title: 'Okapi', price: undefined, expectedVersion: 0n };
    await shop.admin.updateProduct(update);
    expect(idsOf(await search('okap'))).toEqual(['renamed']);
    expect(await search('zebra')).toEqual([]);
  });

  it('has the live stock of what it finds', async () => {
    inventory.stock.set('22423', 5n);
    expect((await search('cakestand'))[0]?.available).toBe(5n);
  });

  it('for any word of a title, or the beginning of one, finds the product', async () => {
    const words = Object.entries(TITLES).flatMap(([id, title]) =>
      (title.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => ({ id, word })),
    );
    const part = fc
      .constantFrom(...words)
      .chain(({ id, word }) =>
        fc.integer({ min: 1, max: word.length }).map((length) => ({ id, query: word.slice(0, length) })),
      );
    await fc.assert(
      fc.asyncProperty(part, async ({ id, query }) => expect(idsOf(await search(query))).toContain(id)),
      { numRuns: 60 },
    );
  });

  it('takes whatever a person types', async () => {
    const sign = fc.constantFrom(...'&|!:*()<->\\\'"% \té٣'.split(''), 'white', 'heart', ':*', '<2>', "''");
    const text = fc.oneof(
      fc.array(sign, { minLength: 1, maxLength: 30 }).map((signs) => signs.join('')),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }).filter((one) => one.isWellFormed()),
    );
    await fc.assert(
      fc.asyncProperty(text, async (query) => {
        await shop.anybody.searchProducts({ query: query.slice(0, 200), pageSize: 1, pageToken: '' }).catch((error) => {
          // A number that could be a payment card's is refused wherever it comes.
          expect(error.reason).toBe('INVALID_ARGUMENT');
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe('the pages of a search', () => {
  beforeAll(async () => {
    for (let count = 0; count < 30; count++) {
      const title = count % 3 === 0 ? 'gift gift box' : 'box of one gift';
      await shop.add(`gift-${count}`, { title, description: count % 2 === 0 ? 'a gift' : '' });
    }
  });

  it.each([1, 7, 29, 30, 31])('of %d have every match once, in one order', async (size) => {
    const all = await shop.anybody.searchProducts({ query: 'gift', pageSize: 100, pageToken: '' });
    expect(all.products).toHaveLength(30);
    expect(idsOf(await search('gift', size))).toEqual(idsOf(all.products));
  });

  it('go on where they were when other products come and go', async () => {
    const first = await shop.anybody.searchProducts({ query: 'gift', pageSize: 10, pageToken: '' });
    await shop.add('a-gift-too', { title: 'gift gift box', description: 'a gift' });
    const rest = await shop.anybody.searchProducts({ query: 'gift', pageSize: 100, pageToken: first.nextPageToken });
    const ids = [...idsOf(first.products), ...idsOf(rest.products)].filter((id) => id !== 'a-gift-too');
    expect(new Set(ids).size).toBe(30);
  });

  it('refuse a page token of something else', async () => {
    const { nextPageToken } = await shop.anybody.listProducts({ pageSize: 1, pageToken: '' });
    for (const pageToken of [nextPageToken, 'nonsense', Buffer.from('["NaN","x"]').toString('base64url')]) {
      const refused = await refusal(shop.anybody.searchProducts({ query: 'gift', pageSize: 1, pageToken }));
      expect(refused.violations).toMatchObject([{ field: 'page_token', rule: 'PAGE_TOKEN' }]);
    }
  });
});

describe('a search for what very many products have', () => {
  const lantern = (number: number) => `lantern-${String(number).padStart(3, '0')}`;
  const numbers = Array.from({ length: 240 }, (_, number) => number);
  const titled = numbers.filter((number) => number % 2 === 1).map(lantern);
  const others = numbers.filter((number) => number % 2 === 0).map(lantern);

  beforeAll(async () => {
    await shop.booted.database('catalog').query(
      `INSERT INTO product (product_id, stock_code, title, description, currency, minor_units, version, created_at, updated_at)
       SELECT id, id, CASE place % 2 WHEN 0 THEN 'Lantern' ELSE 'Lamp' END, 'a paper lantern', 'GBP', 255, 1, now(), now()
       FROM unnest($1::text[]) WITH ORDINALITY AS product (id, place) ORDER BY md5(id)`,
      [numbers.map(lantern)],
    );
  });

  it.each([7, 100])('has those first that have it in their titles, each once, in pages of %d', async (size) => {
    expect(idsOf(await search('lantern', size))).toEqual([...titled, ...others]);
    expect(idsOf(await search('paper lant', size))).toEqual([...titled, ...others].sort());
  });

  it('has the best match first when more words leave fewer', async () => {
    await shop.add('lantern-999', { title: 'Lantern, lit lantern', description: 'a lantern' });
    await shop.add('lantern-998', { title: 'Lantern', description: 'lit' });
    expect(idsOf(await search('lit lantern'))).toEqual(['lantern-999', 'lantern-998']);
  });

  it('goes on in its order when there are no longer as many, or more than there were', async () => {
    const few = await shop.anybody.searchProducts({ query: 'lamp', pageSize: 100, pageToken: '' });
    expect(few.products).toHaveLength(100);
    const database = shop.booted.database('catalog');
    await database.query(`UPDATE product SET title = 'Torch' WHERE product_id < 'lantern-100' AND title = 'Lamp'`);
    const rest = await shop.anybody.searchProducts({ query: 'lamp', pageSize: 100, pageToken: few.nextPageToken });
    expect(idsOf([...few.products, ...rest.products])).toEqual(others);
    const first = await shop.anybody.searchProducts({ query: 'torch', pageSize: 20, pageToken: '' });
    await database.query(`UPDATE product SET title = 'Torch' WHERE title IN ('Lamp', 'Lantern')`);
    const all = await shop.anybody.searchProducts({ query: 'torch', pageSize: 100, pageToken: first.nextPageToken });
    expect(idsOf(all.products)).toEqual(expect.arrayContaining(others.slice(20, 50)));
    expect(idsOf(all.products)).not.toContain(others[0]);
  });
});
