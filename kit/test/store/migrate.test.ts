import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { lockClass } from '../../src/store/hash.ts';
import { type Database, migrate, openDatabase } from '../../src/store/index.ts';
import { type TestDatabase, testDatabase } from '../../src/testing/postgres.ts';
import { logger } from './fixture.ts';

let server: TestDatabase;
let db: Database<unknown>;
beforeEach(async () => {
  server = await testDatabase('migrate');
  db = openDatabase<unknown>({ url: server.url, name: 'test', logger });
});
afterEach(async () => {
  await db.close();
  await server.drop();
});

const first = { name: '0001-a', up: 'CREATE TABLE a (n int); INSERT INTO a VALUES (1);' };
const second = { name: '0002-b', up: 'INSERT INTO a VALUES (2)' };

it('applies each migration once, after the store’s own', async () => {
  expect(await migrate(db, [first])).toEqual(['store/0001-outbox-inbox-idempotency', '0001-a']);
  expect(await migrate(db, [first, second])).toEqual(['0002-b']);
  expect(await migrate(db, [first, second])).toEqual([]);
  expect(await server.query('SELECT n FROM a ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
});

it('lets any number of processes start at once', async () => {
  const ran = await Promise.all(Array.from({ length: 6 }, () => migrate(db, [first, second])));
  expect(ran.flat()).toHaveLength(3);
});

it('waits for nobody where there is nothing to do', async () => {
  await migrate(db, [first]);
  // As somebody does who migrates.
  await server.query('SELECT pg_advisory_lock($1::int, 0)', [lockClass('migrate "public"')]);
  expect(await migrate(db, [first])).toEqual([]);
});

it('names a migration that was changed after it had been applied', async () => {
  await migrate(db, [first]);
  await expect(migrate(db, [{ ...first, up: 'CREATE TABLE other ()' }])).rejects.toThrow('0001-a was changed');
});

it('lets an older version start on a newer database', async () => {
  await migrate(db, [first, second]);
  expect(await migrate(db, [first])).toEqual([]);
});

it('leaves nothing of a migration that fails, and names it', async () => {
  const bad = { name: '0002-bad', up: 'INSERT INTO a VALUES (3); SELECT no_such_thing();' };
  await expect(migrate(db, [first, bad])).rejects.toThrow('0002-bad failed: function no_such_thing() does not exist');
  expect(await server.query('SELECT n FROM a')).toEqual([{ n: 1 }]);
  expect(await migrate(db, [first, second])).toEqual(['0002-b']);
});

it('refuses two migrations of one name', async () => {
  await expect(migrate(db, [first, first])).rejects.toThrow('same name');
});
