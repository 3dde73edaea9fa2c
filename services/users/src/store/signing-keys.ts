import type { Database } from '@weft/kit/store';
import type { UsersSchema } from './schema.ts';

/**
 * The standing signing keys, newest first. There is one at least: processes that start together make one each and agree
 * on the one that was first.
 */
export async function standingKeys<K extends object>(
  database: Database<UsersSchema>,
  make: () => Promise<K>,
): Promise<[newest: K, ...older: K[]]> {
  const keys = await findKeys<K>(database);
  if (isSome(keys)) return keys;
  const jwk = await make();
  await database.transaction(async ({ sql }) => {
    await sql
      .insertInto('signing_key')
      .values({ number: 1, jwk })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
  const agreed = await findKeys<K>(database);
  if (!isSome(agreed)) throw new Error('there is no signing key');
  return agreed;
}

async function findKeys<K>(database: Database<UsersSchema>): Promise<K[]> {
  const rows = await database.read.selectFrom('signing_key').select('jwk').orderBy('number', 'desc').execute();
  return rows.map(({ jwk }) => jwk as K);
}

function isSome<T>(list: T[]): list is [T, ...T[]] {
  return list.length > 0;
}
