import type { ColumnType } from 'kysely';

export interface CatalogSchema {
  product: {
    product_id: string;
    stock_code: string;
    title: string;
    description: string;
    currency: string;
    minor_units: bigint;
    version: bigint;
    created_at: Date;
    updated_at: Date;
    /** tsvector, generated from title and description. */
    search: ColumnType<string, never, never>;
  };
}
