import type { RawLine } from '../shop/file.ts';
import { productIdOf } from '../shop/goods.ts';
import { type GoodsLine, readGoodsLine } from '../shop/goods-line.ts';
import type { Untaken } from '../shop/reasons.ts';

/** What a shop needs in its catalogue and on its shelves to sell what a file sells. */
export interface Assortment {
  readonly lines: number;
  /** Lines that sell goods. */
  readonly sellable: number;
  readonly products: readonly { productId: string; stockCode: string; title: string; price: bigint }[];
  /** Pieces that the file sells, by stock code. */
  readonly needed: ReadonlyMap<string, bigint>;
  /** Lines that sell nothing: returns are not among them. */
  readonly untaken: readonly Untaken[];
}

const MAX_TITLES = 32;
const MAX_TITLE_LENGTH = 200;

/**
 * One product for each stock code and price, titled as most of the code's lines are; stock for every piece sold. Lines
 * without a customer count: the shop sold them too.
 */
export async function collectAssortment(file: AsyncIterable<RawLine>): Promise<Assortment> {
  const products = new Map<string, { productId: string; stockCode: string; price: bigint }>();
  const needed = new Map<string, bigint>();
  const titles = new Map<string, Map<string, number>>();
  const untaken: Untaken[] = [];
  let lines = 0;
  let sellable = 0;
  for await (const raw of file) {
    lines += 1;
    const line = readGoodsLine(raw);
    if ('reason' in line) {
      untaken.push(line);
      continue;
    }
    if (line.isReturn) continue;
    sellable += 1;
    const productId = productIdOf(line.code, line.price);
    products.set(productId, { productId, stockCode: line.code, price: line.price });
    needed.set(line.code, (needed.get(line.code) ?? 0n) + line.pieces);
    countTitle(titles, line);
  }
  const titled = [...products.values()].map((product) => ({ ...product, title: titleOf(titles, product.stockCode) }));
  return { lines, sellable, products: titled, needed, untaken };
}

function countTitle(titles: Map<string, Map<string, number>>, { code, description }: GoodsLine): void {
  const title = [...description.replace(/\s+/g, ' ').trim()].slice(0, MAX_TITLE_LENGTH).join('');
  if (title === '') return;
  const counts = titles.get(code) ?? new Map<string, number>();
  if (counts.has(title) || counts.size < MAX_TITLES) counts.set(title, (counts.get(title) ?? 0) + 1);
  titles.set(code, counts);
}

/** The most frequent one, the first in the alphabet among equals, so that two imports of a file agree. */
function titleOf(titles: ReadonlyMap<string, ReadonlyMap<string, number>>, code: string): string {
  const counts = [...(titles.get(code) ?? [])];
  const [best] = counts.sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  return best?.[0] ?? code;
}
