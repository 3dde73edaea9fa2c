import { DomainError } from '@weft/kit/failure';

/** An exact amount: `minorUnits` are pence and the like. */
export interface Price {
  readonly currency: string;
  readonly minorUnits: bigint;
}

export interface ProductContent {
  readonly stockCode: string;
  readonly title: string;
  readonly description: string;
  readonly price: Price;
}

/** Something for sale. */
export interface Product extends ProductContent {
  readonly productId: string;
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What may change of a product; only what is there. */
export interface ProductChange {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly price?: Price | undefined;
}

export class ProductNotFound extends DomainError {
  constructor(productId: string) {
    super('not-found', 'PRODUCT_NOT_FOUND', 'there is no such product', { product_id: productId });
  }
}

export class ProductExists extends DomainError {
  constructor(productId: string) {
    super('already-exists', 'PRODUCT_EXISTS', 'another product has this id', { product_id: productId });
  }
}

export class VersionMismatch extends DomainError {
  constructor(productId: string, version: bigint) {
    const metadata = { product_id: productId, version: String(version) };
    super('aborted', 'VERSION_MISMATCH', 'the product has changed since', metadata);
  }
}

export function newProduct(productId: string, content: ProductContent, now: Date): Product {
  const { stockCode, title, description, price } = content;
  return { productId, stockCode, title, description, price, version: 1n, createdAt: now, updatedAt: now };
}

/** Checks a repeated CreateProduct against what stands. */
export function assertSameProduct(standing: Product, content: ProductContent): void {
  const same =
    standing.stockCode === content.stockCode &&
    standing.title === content.title &&
    standing.description === content.description &&
    isSamePrice(standing.price, content.price);
  if (!same) throw new ProductExists(standing.productId);
}

/**
 * The product with the fields that are set; the same object when nothing changed. An expected version of 0 matches any. The
 * same change again, made because its answer was lost, finds itself done and is no mismatch.
 */
export function changeProduct(product: Product, wanted: ProductChange, expectedVersion: bigint, now: Date): Product {
  const { title = product.title, description = product.description, price = product.price } = wanted;
  const isAsWanted =
    title === product.title && description === product.description && isSamePrice(price, product.price);
  const repeated = isAsWanted && !isEmpty(wanted) && expectedVersion === product.version - 1n;
  if (expectedVersion !== 0n && expectedVersion !== product.version && !repeated) {
    throw new VersionMismatch(product.productId, product.version);
  }
  return isAsWanted
    ? product
    : { ...product, title, description, price, version: product.version + 1n, updatedAt: now };
}

const isSamePrice = (one: Price, other: Price) =>
  one.currency === other.currency && one.minorUnits === other.minorUnits;

const isEmpty = ({ title, description, price }: ProductChange) => (title ?? description ?? price) === undefined;
