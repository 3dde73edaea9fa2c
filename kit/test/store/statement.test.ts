import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TestDatabase, testDatabase } from '@weft/kit/testing';
import fc from 'fast-check';
import type pg from 'pg';
import { createPool, endPool, send } from '../../src/store/pool.ts';

let database: TestDatabase;
let pool: pg.Pool;
let client: pg.PoolClient;
beforeAll(async () => {
  database = await testDatabase('statement');
  pool = createPool({
    url: database.url,
    name: 'test',
    maxConnections: 1,
    statementTimeoutMs: 5_000,
    logger: { warn() {} } as never,
  });
  client = await pool.connect();
});
afterAll(async () => {
  client?.release();
  await endPool(pool, 1_000);
  await database.drop();
});

const text = fc.string({ unit: 'grapheme' }).filter((one) => !one.includes('\0') && one.isWellFormed());

async function echo(type: string, value: unknown): Promise<unknown> {
  return (await send<{ value: unknown }>(client, `SELECT $1::${type} AS value`, [value])).rows[0]?.value;
}

describe('a value in a statement', () => {
  it('is read as it was given, by the second run as by the first', async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (one, number) => {
        expect(await echo('text', one)).toBe(one);
        expect(await echo('int8', number)).toBe(number);
      }),
      { numRuns: 200 },
    );
    const at = new Date('2026-02-03T04:05:06.789Z');
    expect(await echo('timestamptz', at)).toEqual(at);
    expect(await echo('bool', false)).toBe(false);
    expect(await echo('int4', 7)).toBe(7);
    expect(await echo('text', null)).toBeNull();
    expect(await echo('text', undefined)).toBeNull();
    expect(await echo('jsonb', { a: ['"', null] })).toEqual({ a: ['"', null] });
    expect(await echo('bytea', new Uint8Array([0, 255, 7]))).toEqual(Buffer.from([0, 255, 7]));
  });

  it('is read as it was given in an array, whatever it has in it', async () => {
    const items = fc.array(fc.oneof(text, fc.constantFrom(null, 'NULL', 'null', '', '{', ',', '"', '\\', ' ')));
    await fc.assert(
      fc.asyncProperty(items, async (array) => {
        expect(await echo('text[]', array)).toEqual(array);
      }),
      { numRuns: 300 },
    );
    expect(await echo('int8[]', [1n, null, -2n])).toEqual([1n, null, -2n]);
    expect(await echo('bytea[]', [new Uint8Array([0, 1]), null])).toEqual([Buffer.from([0, 1]), null]);
  });
});

describe('a statement', () => {
  it('tells its rows by name, and how many it changed', async () => {
    await send(client, 'CREATE TEMP TABLE item (id int, name text)', []);
    for (const id of [1, 2, 3]) {
      const inserted = await send(client, 'INSERT INTO item VALUES ($1, $2), ($1, $2)', [id, `item ${id}`]);
      expect(inserted).toEqual({ command: 'INSERT', rowCount: 2, rows: [] });
    }
    for (const id of [1, 2]) {
      const { rows, rowCount } = await send(client, 'DELETE FROM item WHERE id = $1 RETURNING name, id', [id]);
      expect(rows).toEqual([
        { name: `item ${id}`, id },
        { name: `item ${id}`, id },
      ]);
      expect(rowCount).toBe(2);
    }
    expect(await send(client, 'SELECT id FROM item WHERE id = $1', [9])).toMatchObject({ rowCount: 0, rows: [] });
  });

  it('that fails leaves the connection as it was, at its first run and later', async () => {
    const divide = (by: number) => send<{ value: number }>(client, 'SELECT 6 / $1::int AS value', [by]);
    await expect(divide(0)).rejects.toThrow('division by zero');
    expect((await divide(2)).rows).toEqual([{ value: 3 }]);
    await expect(divide(0)).rejects.toThrow('division by zero');
    const [three, failed, one] = await Promise.allSettled([divide(2), divide(0), divide(6)]);
    expect(three).toMatchObject({ value: { rows: [{ value: 3 }] } });
    expect(failed.status).toBe('rejected');
    expect(one).toMatchObject({ value: { rows: [{ value: 1 }] } });
    await expect(send(client, 'SELECT nothing FROM nowhere', [])).rejects.toThrow('nowhere');
    await expect(send(client, 'SELECT nothing FROM nowhere', [])).rejects.toThrow('nowhere');
  });
});
