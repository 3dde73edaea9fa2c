import type { Database } from '@weft/kit/store';
import type { SigningKeys } from '../app/ports.ts';
import type { SigningKey } from '../domain/signing-key.ts';
import { toEvent } from '../events/to-event.ts';
import type { UsersSchema } from './schema.ts';

/** A key with what it signs with. */
export interface StoredKey<K> extends SigningKey {
  readonly jwk: K;
}

export type Some<T> = readonly [newest: T, ...older: T[]];

export interface KeyStore<K> extends SigningKeys {
  all(): Promise<Some<StoredKey<K>>>;
  remove(keys: readonly SigningKey[]): Promise<void>;
}

interface Needs<K> {
  readonly database: Database<UsersSchema>;
  readonly make: () => Promise<K>;
  readonly leadMs: number;
  readonly now: () => Date;
}

/**
 * The standing keys, newest first. There is one at least: processes that make one at the same time agree on the one that was
 * first, since keys have consecutive numbers.
 */
export function keyStore<K extends { readonly kid?: string }>({ database, make, leadMs, now }: Needs<K>): KeyStore<K> {
  const find = async () => {
    const rows = await database.read.selectFrom('signing_key').selectAll().orderBy('number', 'desc').execute();
    return rows.map(({ number, jwk, created_at, signs_from }) => {
      const key = jwk as K;
      return { number, jwk: key, keyId: key.kid ?? '', createdAt: created_at, signsFrom: signs_from };
    });
  };
  /** Nothing where another process has the number already. */
  const insert = async (number: number, signsFrom: Date) => {
    const jwk = await make();
    const createdAt = now();
    await database.transaction(async ({ sql, publish }) => {
      const inserted = await sql
        .insertInto('signing_key')
        .values({ number, jwk, created_at: createdAt, signs_from: signsFrom })
        .onConflict((conflict) => conflict.doNothing())
        .returning('number')
        .executeTakeFirst();
      if (!inserted || number === 1) return;
      publish(toEvent({ type: 'signing-key-rotated', key: { keyId: jwk.kid ?? '', createdAt, signsFrom } }));
    });
  };
  const all = async () => {
    let keys = await find();
    if (keys.length === 0) {
      await insert(1, now());
      keys = await find();
    }
    if (!isSome(keys)) throw new Error('there is no signing key');
    return keys;
  };
  return {
    all,
    async rotate() {
      const [newest] = await all();
      if (newest.signsFrom > now()) return newest;
      await insert(newest.number + 1, new Date(now().getTime() + leadMs));
      return (await all())[0];
    },
    async remove(keys) {
      const ids = new Set(keys.map(({ keyId }) => keyId));
      for (const { number, keyId } of await find()) {
        if (ids.has(keyId)) await database.read.deleteFrom('signing_key').where('number', '=', number).execute();
      }
    },
  };
}

function isSome<T>(list: readonly T[]): list is Some<T> {
  return list.length > 0;
}
