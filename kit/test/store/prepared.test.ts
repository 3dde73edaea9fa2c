import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Kysely } from 'kysely';
import { prepared } from '../../src/store/index.ts';
import { type Fixture, fixture, type Schema } from './fixture.ts';

const NOTED = new Date('2026-01-02T03:04:05.678Z');
const insert = (id: string, amount: bigint) => ({ id, amount, noted: NOTED, detail: null });

let on: Fixture;
beforeAll(async () => {
  on = await fixture('prepared');
});
afterAll(() => on.close());

describe('a prepared statement', () => {
  it('is built once, and has the values that it is given each time', async () => {
    let built = 0;
    const upsert = prepared((db: Kysely<Schema>, row: Schema['thing']) => {
      built++;
      const { amount } = row;
      return db
        .insertInto('thing')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ amount }))
        .returning('amount');
    });
    const amounts: bigint[] = [];
    for (const amount of [1n, 2n, 3n]) {
      const { rows } = await on.db.read.executeQuery(upsert(on.db.read, insert('prepared', amount)));
      amounts.push(...rows.map((row) => row.amount));
    }
    expect(amounts).toEqual([1n, 2n, 3n]);
    expect(built).toBe(1);
    const { sql: text, parameters } = upsert(on.db.read, { ...insert('other', 4n), detail: null });
    expect(text).not.toContain('other');
    expect(parameters).toEqual(['other', 4n, NOTED, null, 4n]);
  });
});
