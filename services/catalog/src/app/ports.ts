import type { Product } from '../domain/product.ts';

/** What happened, to be published with the state that it changed. */
export type CatalogEvent = { readonly type: 'created' | 'updated'; readonly product: Product };

/** One transaction of the catalogue. */
export interface CatalogTransaction {
  /** Saves a new product; false when one with its id stands, also one that was being made at the same time. */
  insert(product: Product): Promise<boolean>;
  /** Locked until the end of the transaction. */
  product(productId: string): Promise<Product | undefined>;
  save(product: Product): Promise<void>;
  publish(event: CatalogEvent): void;
}

/** A product with how well it matches; more is better. */
export interface Match {
  readonly product: Product;
  readonly rank: number;
}

/** Where a match stands in what was found. */
export interface MatchPosition {
  readonly rank: number;
  readonly productId: string;
}

export interface Search {
  /** As a person typed it: its words must all be there, the last one may be incomplete. */
  readonly query: string;
  readonly after: MatchPosition | undefined;
  readonly limit: number;
}

export interface CatalogStore {
  transaction<T>(work: (tx: CatalogTransaction) => Promise<T>): Promise<T>;
  find(productIds: readonly string[]): Promise<Map<string, Product>>;
  /** By id. */
  list(page: { readonly after: string | undefined; readonly limit: number }): Promise<Product[]>;
  /** Best match first, then by id. */
  search(search: Search): Promise<Match[]>;
}

/** What can be sold. */
export interface Stock {
  /** Pieces of each stock code; nothing of any when it cannot be known in time. Never fails. */
  available(stockCodes: readonly string[]): Promise<Map<string, bigint>>;
}
