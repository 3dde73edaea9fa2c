import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Match, MatchPosition, Search } from '../app/ports.ts';
import { COLUMNS, type Row, toProduct } from './rows.ts';
import type { CatalogSchema } from './schema.ts';

type Db = Kysely<CatalogSchema>;

/** Where more products than this match, they are not ranked: what a page takes does not grow with the catalogue. */
const MOST_RANKED = 100;
/** Stand for a rank then; those of PostgreSQL stay below 1. */
const IN_TITLE = 2;
const ELSEWHERE = 1;

/** Best match first. Where very many match, those with all words in the title come first, and then the others, each by id. */
export async function searchProducts(db: Db, { query, after, limit }: Search): Promise<Match[]> {
  if (!after || after.rank < ELSEWHERE) {
    const found = await ranked(db, query, after, limit);
    if (found) return found;
  }
  const titled = after?.rank === ELSEWHERE ? [] : await byId(db, IN_TITLE, query, after?.productId, limit);
  if (titled.length === limit) return titled;
  const begin = after?.rank === ELSEWHERE ? after.productId : undefined;
  return [...titled, ...(await byId(db, ELSEWHERE, query, begin, limit - titled.length))];
}

/** Undefined when there are too many. */
async function ranked(db: Db, query: string, after: MatchPosition | undefined, limit: number) {
  // Those that have come since the first page do not make it another order.
  const most = after ? 2 * MOST_RANKED : MOST_RANKED;
  const { rows } = await sql<Row & { rank: number; matches: bigint }>`
    WITH asked AS MATERIALIZED (${asked(query)}), found AS (
      SELECT product.*, ts_rank(search, wanted)::float8 AS rank, count(*) OVER () AS matches
      FROM asked, matching(wanted, ${most + 1}::int) AS product
    )
    SELECT ${columns}, rank, matches FROM found
    WHERE ${after ? sql`rank < ${after.rank} OR (rank = ${after.rank} AND product_id > ${after.productId})` : sql`true`}
    ORDER BY rank DESC, product_id LIMIT ${limit}`.execute(db);
  if (!after && Number(rows[0]?.matches ?? 0) > most) return undefined;
  return rows.map(({ rank, matches: _, ...row }) => ({ product: toProduct(row), rank }));
}

async function byId(db: Db, rank: number, query: string, after = '', limit: number): Promise<Match[]> {
  const found = sql.ref(rank === IN_TITLE ? 'matching_in_title' : 'matching_elsewhere');
  const { rows } = await sql<Row>`
    WITH asked AS MATERIALIZED (${asked(query)})
    SELECT ${columns} FROM asked, ${found}(wanted, ${after}, ${limit}::int) ORDER BY product_id`.execute(db);
  return rows.map((row) => ({ product: toProduct(row), rank }));
}

const columns = sql.join(COLUMNS.map((name) => sql.ref(name)));
// Otherwise it is made anew for every row.
const asked = (query: string): RawBuilder<unknown> => sql`SELECT query_of(words(${query})) AS wanted`;
