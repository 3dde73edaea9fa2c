import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompiledQuery, sql } from 'kysely';
import { DatabaseContended, DatabaseUnavailable, openDatabase } from '../../src/store/index.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { event, type Fixture, fixture, logger, type Schema } from './fixture.ts';

const NOTED = new Date('2026-01-02T03:04:05.678Z');

let on: Fixture;
beforeAll(async () => {
  on = await fixture('database');
});
afterAll(() => on.close());

const amountOf = async (id: string) =>
  (await on.db.read.selectFrom('thing').select('amount').where('id', '=', id).executeTakeFirst())?.amount;

const insert = (id: string, amount: bigint) => ({ id, amount, noted: NOTED, detail: null });

describe('reading', () => {
  it('gives bigint, Date and parsed JSON', async () => {
    const row = { id: 'types', amount: 2n ** 62n, noted: NOTED, detail: { colour: 'red' } };
    await on.db.read.insertInto('thing').values(row).execute();
    expect(await on.db.read.selectFrom('thing').selectAll().where('id', '=', 'types').executeTakeFirst()).toEqual(row);
    const { rows } = await sql`SELECT date '2026-03-01' AS day, ARRAY[1, NULL]::int8[] AS many`.execute(on.db.read);
    expect(rows).toEqual([{ day: '2026-03-01', many: [1n, null] }]);
  });

  it('prepares each statement once a connection, and leaves the rest unnamed after 500', async () => {
    const db = on.another({ maxConnections: 1 });
    for (let n = 0; n < 520; n++) await sql`SELECT ${sql.lit(n)} + ${1}::int`.execute(db.read);
    const { rows } = await sql<{ count: bigint }>`SELECT count(*) FROM pg_prepared_statements`.execute(db.read);
    expect(rows[0]?.count).toBe(500n);
  });

  it('survives a change of the schema under a prepared statement', async () => {
    const db = on.another({ maxConnections: 1 });
    await on.server.query('CREATE TABLE wide (a int); INSERT INTO wide VALUES (1)');
    const read = () => sql`SELECT * FROM wide`.execute(db.read);
    await read();
    await on.server.query('ALTER TABLE wide ADD b int DEFAULT 2');
    expect((await read()).rows).toEqual([{ a: 1, b: 2 }]);
    await on.server.query('ALTER TABLE wide ADD c int DEFAULT 3');
    expect((await db.transaction((tx) => sql`SELECT * FROM wide`.execute(tx.sql))).rows).toEqual([
      { a: 1, b: 2, c: 3 },
    ]);
  });
});

describe('a transaction', () => {
  it('saves state, events and deferred statements together', async () => {
    await on.db.transaction(async (tx) => {
      await tx.sql.insertInto('thing').values(insert('t1', 1n)).execute();
      tx.publish(event('t1', 1), event('t1', 2));
      tx.defer(tx.sql.updateTable('thing').set({ amount: 5n }).where('id', '=', 't1'));
    });
    expect(await amountOf('t1')).toBe(5n);
    const rows = await on.server.query("SELECT key, headers, payload FROM outbox WHERE key = 't1' ORDER BY id");
    expect(rows.map((row) => row.payload[0])).toEqual([1, 2]);
    expect(rows[0]).toMatchObject({ headers: event('t1').headers });
  });

  it('saves nothing when the work fails', async () => {
    const failing = on.db.transaction(async (tx) => {
      tx.publish(event('t2'));
      tx.defer(tx.sql.deleteFrom('thing'));
      await tx.sql.insertInto('thing').values(insert('t2', 1n)).execute();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await amountOf('t2')).toBeUndefined();
    expect(await amountOf('t1')).toBe(5n);
    expect(await on.server.query("SELECT FROM outbox WHERE key = 't2'")).toEqual([]);
  });

  it('saves nothing when a deferred statement fails, and says why', async () => {
    const failing = on.db.transaction(async (tx) => {
      await tx.sql.insertInto('thing').values(insert('t3', 1n)).execute();
      tx.defer(tx.sql.insertInto('thing').values(insert('t3', 2n)));
      tx.publish(event('t3'));
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    expect(await amountOf('t3')).toBeUndefined();
    expect(await on.db.read.selectFrom('thing').selectAll().execute()).toBeDefined();
  });

  it('fails with what was said when a deferred statement changes other rows than expected', async () => {
    const removing = (rows: number, otherwise?: () => Error) =>
      on.db.transaction(async (tx) => {
        await tx.sql.insertInto('thing').values(insert('t4', 1n)).execute();
        tx.defer(tx.sql.deleteFrom('thing').where('id', 'in', ['t4', 'absent']), {
          rows,
          ...(otherwise && { otherwise }),
        });
        tx.publish(event('t4'));
      });
    await expect(removing(2, () => new Error('one is absent'))).rejects.toThrow('one is absent');
    await expect(removing(2)).rejects.toBeInstanceOf(DatabaseContended);
    await expect(removing(0, () => new Error('one is there'))).rejects.toThrow('one is there');
    expect(await on.server.query("SELECT FROM outbox WHERE key = 't4'")).toEqual([]);
    await removing(1);
    expect(await on.server.query("SELECT FROM outbox WHERE key = 't4'")).toHaveLength(1);
  });

  it('looks at what is expected before it does the rest', async () => {
    const failing = on.db.transaction(async (tx) => {
      tx.defer(CompiledQuery.raw("INSERT INTO thing (id, amount) VALUES ('t1', 1)"));
      tx.defer(tx.sql.deleteFrom('thing').where('id', '=', 'absent'), {
        rows: 1,
        otherwise: () => new Error('one is absent'),
      });
    });
    await expect(failing).rejects.toThrow('one is absent');
  });

  it('runs the work again when what it has seen is outdated', async () => {
    await on.db.read.insertInto('thing').values(insert('t5', 1n)).execute();
    const attempts: number[] = [];
    const allHaveRead = Promise.withResolvers<void>();
    const add = () =>
      on.db.transaction(async (tx) => {
        const query = tx.sql.selectFrom('thing').select('amount').where('id', '=', 't5');
        const { amount } = await (tx.attempt === 1 ? query : query.forUpdate()).executeTakeFirstOrThrow();
        if (attempts.push(tx.attempt) === 5) allHaveRead.resolve();
        await allHaveRead.promise;
        const added = tx.sql.updateTable('thing').set({ amount: amount + 1n });
        tx.defer(added.where('id', '=', 't5').where('amount', '=', amount), { rows: 1 });
      });
    await Promise.all(Array.from({ length: 5 }, add));
    expect(await amountOf('t5')).toBe(6n);
    expect(attempts.toSorted()).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('does not show in its failures what rows hold', async () => {
    await on.db.read.insertInto('thing').values(insert('secret', 1n)).execute();
    const failure = await on.db.read
      .insertInto('thing')
      .values(insert('secret', 1n))
      .execute()
      .catch((error) => error);
    expect(failure).toMatchObject({ code: '23505', detail: expect.stringContaining('secret') });
    expect(JSON.stringify(failure) + failure.message).not.toContain('secret');
  });

  it('fails when the work swallowed a failed statement', async () => {
    const failing = on.db.transaction(async (tx) => {
      await tx.sql.executeQuery(CompiledQuery.raw('SELECT 1 / 0')).catch(() => undefined);
    });
    await expect(failing).rejects.toThrow();
  });

  it('costs nothing when it does nothing', async () => {
    expect(await on.db.transaction(async () => 7)).toBe(7);
  });

  it.each([
    ['a type that is none', { type: 'order placed' }, 'its type is not'],
    ['a header with a name that is none', { headers: { 'a b': '1' } }, 'a name that is none'],
    ['a header that speaks to the broker', { headers: { 'Nats-Expected-Last-Sequence': '9' } }, 'a name that is none'],
    ['headers over 16 KiB', { headers: { a: 'x'.repeat(9_000), b: 'é'.repeat(4_000) } }, 'headers over 16384 bytes'],
    ['a payload over 512 KiB', { payload: Buffer.alloc(512 * 1024 + 1) }, 'payload over 524288 bytes'],
  ])('never commits an event that no bus would take: %s', async (_, wrong, told) => {
    const publish = on.db.transaction(async (tx) => tx.publish(event('kept'), { ...event('kept'), ...wrong }));
    await expect(publish).rejects.toThrow(told);
    expect(await on.server.query("SELECT FROM outbox WHERE key = 'kept'")).toEqual([]);
  });

  it('refuses events that the bus would not take, and what comes after its end', async () => {
    const bad = { ...event('t'), id: 'not-a-uuid' };
    await expect(on.db.transaction(async (tx) => tx.publish(bad))).rejects.toThrow('not a UUID');
    const late = await on.db.transaction(async (tx) => () => tx.publish(event('t')));
    expect(late).toThrow('has ended');
  });

  it('runs again after a deadlock', async () => {
    await on.db.read
      .insertInto('thing')
      .values([insert('d1', 0n), insert('d2', 0n)])
      .execute();
    let runs = 0;
    let bothLocked: () => void = () => undefined;
    const both = new Promise<void>((resolve) => {
      bothLocked = resolve;
    });
    const add = (first: string, second: string) =>
      on.db.transaction(async (tx) => {
        const plus = (id: string) =>
          tx.sql
            .updateTable('thing')
            .set(({ eb }) => ({ amount: eb('amount', '+', 1n) }))
            .where('id', '=', id)
            .execute();
        await plus(first);
        if (++runs === 2) bothLocked();
        await both;
        await plus(second);
      });
    await Promise.all([add('d1', 'd2'), add('d2', 'd1')]);
    expect(runs).toBe(3);
    expect([await amountOf('d1'), await amountOf('d2')]).toEqual([2n, 2n]);
  });

  it('gives up a serialization conflict after three more tries', async () => {
    let runs = 0;
    const failing = on.db.transaction(async (tx) => {
      runs++;
      await sql`DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`.execute(tx.sql);
    });
    await expect(failing).rejects.toBeInstanceOf(DatabaseContended);
    expect(runs).toBe(4);
  });

  it('honours the isolation that was asked for', async () => {
    const level = await on.db.transaction(
      async (tx) => (await sql<{ transaction_isolation: string }>`SHOW transaction_isolation`.execute(tx.sql)).rows,
      { isolation: 'serializable' },
    );
    expect(level).toEqual([{ transaction_isolation: 'serializable' }]);
  });
});

describe('a database that goes away', () => {
  it('fails what is running, and serves what comes after', async () => {
    const db = on.another();
    const idle = db.transaction(async (tx) => {
      await sql`SELECT 1`.execute(tx.sql);
      await on.server.disconnectAll();
      await eventually(() => db.check().then(() => true));
      await sql`SELECT 1`.execute(tx.sql);
    });
    await expect(idle).rejects.toBeInstanceOf(DatabaseUnavailable);
    const sleeping = expect(sql`SELECT pg_sleep(5)`.execute(db.read)).rejects.toBeInstanceOf(DatabaseUnavailable);
    await eventually(
      async () =>
        (
          await on.server.query(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(5)' AND state = 'active' AND pid <> pg_backend_pid()",
          )
        ).length === 1,
    );
    await on.server.disconnectAll();
    await sleeping;
    const one = await eventually(async () => (await sql`SELECT 1 AS one`.execute(db.read)).rows);
    expect(one).toEqual([{ one: 1 }]);
  });

  it('does not fail work whose connection broke before its commit', async () => {
    let runs = 0;
    await on.db.transaction(async (tx) => {
      await tx.sql.insertInto('thing').values(insert('again', 1n)).execute();
      if (++runs === 1) await on.server.disconnectAll();
      await tx.sql.updateTable('thing').set({ amount: 2n }).where('id', '=', 'again').execute();
    });
    expect(await eventually(() => amountOf('again'))).toBe(2n);
    expect(runs).toBeGreaterThan(1);
  });

  it('is reported as unavailable', async () => {
    const url = new URL(on.server.url);
    url.port = '1';
    const db = openDatabase<Schema>({ url: url.href, name: 'nobody', logger });
    await expect(db.check()).rejects.toBeInstanceOf(DatabaseUnavailable);
    await expect(db.transaction((tx) => sql`SELECT 1`.execute(tx.sql))).rejects.toMatchObject({ kind: 'unavailable' });
    await db.close();
  });

  it('runs work again whose connection breaks during the commit, where a guard would notice what it did', async () => {
    const adding = (id: string, guard?: { rows: number }) =>
      on.db.transaction(async (tx) => {
        tx.defer(tx.sql.insertInto('thing').values(insert(id, BigInt(tx.attempt))), guard);
        if (tx.attempt === 1) tx.defer(CompiledQuery.raw('SELECT pg_terminate_backend(pg_backend_pid())'));
      });
    await adding('guarded', { rows: 1 });
    expect(await amountOf('guarded')).toBe(2n);
    await expect(adding('unguarded')).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(await amountOf('unguarded')).toBeUndefined();
  });

  it('ends a statement that takes too long', async () => {
    const db = openDatabase<Schema>({ url: on.server.url, name: 'slow', logger, statementTimeoutMs: 100 });
    await expect(sql`SELECT pg_sleep(5)`.execute(db.read)).rejects.toBeInstanceOf(DatabaseUnavailable);
    await db.close();
  });

  it('closes although work hangs', async () => {
    const db = openDatabase<Schema>({ url: on.server.url, name: 'hanging', logger });
    const hanging = expect(sql`SELECT pg_sleep(8)`.execute(db.read)).rejects.toBeInstanceOf(DatabaseUnavailable);
    await eventually(() => db.stats().total === 1 && db.stats().idle === 0);
    await db.close(100);
    await hanging;
  });
});
