import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type TestDatabase, testDatabase } from '@weft/kit/testing';
import { createPool, endPool } from '../../src/store/pool.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase('pool');
});
afterAll(() => database.drop());

it('a pool that has ended has no connection that its server could still end', async () => {
  const warnings: unknown[] = [];
  const pool = createPool({
    url: database.url,
    name: 'test',
    maxConnections: 4,
    statementTimeoutMs: 5_000,
    logger: { warn: (...said: unknown[]) => warnings.push(said) } as never,
  });
  const clients = await Promise.all([1, 2, 3, 4].map(() => pool.connect()));
  for (const client of clients) client.release();
  await endPool(pool, 60_000);
  expect(clients.map(({ connection }) => connection.stream.destroyed)).toEqual(clients.map(() => true));
  expect(warnings).toEqual([]);
});
