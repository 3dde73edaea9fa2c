import { RemoteError } from '@weft/kit/rpc';
import { eachBounded, inBatches } from '../system/bounded.ts';
import type { Clients } from '../system/clients.ts';
import type { Session } from '../system/session.ts';
import { readStock } from '../system/stock.ts';
import type { Assortment } from './assortment.ts';

type Product = Assortment['products'][number];

export interface Stocked {
  /** Products that were there before under another title, which they keep. */
  readonly kept: number;
  /** Products that were there before at another price or of another stock code. */
  readonly conflicts: readonly string[];
  /** Stock after the import, by stock code. */
  readonly onHand: ReadonlyMap<string, bigint>;
}

const BATCH = 500;

/** Puts an assortment into the catalogue and on the shelves. Doing it again adds its stock again. */
export async function stockShop(
  { products, needed }: Pick<Assortment, 'products' | 'needed'>,
  clients: Pick<Clients, 'catalog' | 'inventory'>,
  admin: Session,
  concurrency: number,
  onStep: () => void,
): Promise<Stocked> {
  const there: Product[] = [];
  await eachBounded(products, concurrency, async (product) => {
    if (!(await create(clients.catalog, admin, product))) there.push(product);
    onStep();
  });
  const conflicts = await findConflicts(clients.catalog, admin, there);

  const before = await readStock(clients.inventory, admin, needed.keys());
  const onHand = new Map<string, bigint>();
  await eachBounded(needed, concurrency, async ([stockCode, pieces]) => {
    const now = before.get(stockCode) ?? { onHand: 0n, reserved: 0n };
    const wanted = (now.onHand > now.reserved ? now.onHand : now.reserved) + pieces;
    await admin.call((token) => clients.inventory.setStock({ stockCode, onHand: wanted }, { token }));
    onHand.set(stockCode, wanted);
    onStep();
  });
  return { kept: there.length - conflicts.length, conflicts, onHand };
}

/** Resolves to false when the id is taken by a product that is not quite the same. */
async function create(catalog: Clients['catalog'], admin: Session, product: Product): Promise<boolean> {
  const { price, ...rest } = product;
  const request = { ...rest, description: '', price: { currencyCode: 'GBP', minorUnits: price } };
  try {
    await admin.call((token) => catalog.createProduct(request, { token }));
    return true;
  } catch (error) {
    if (error instanceof RemoteError && error.reason === 'PRODUCT_EXISTS') return false;
    throw error;
  }
}

async function findConflicts(
  catalog: Clients['catalog'],
  admin: Session,
  there: readonly Product[],
): Promise<string[]> {
  const wanted = new Map(there.map((product) => [product.productId, product]));
  const conflicts: string[] = [];
  for (const productIds of inBatches(wanted.keys(), BATCH)) {
    const { products } = await admin.call((token) => catalog.batchGetProducts({ productIds }, { token }));
    for (const { productId, stockCode, price } of products) {
      const product = wanted.get(productId);
      const same =
        product?.stockCode === stockCode && product.price === price?.minorUnits && price.currencyCode === 'GBP';
      if (!same) conflicts.push(productId);
    }
  }
  return conflicts;
}
