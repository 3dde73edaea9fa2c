import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sql } from 'kysely';
import { DatabaseUnavailable } from '../../src/store/index.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { event, type Fixture, fixture } from './fixture.ts';

const MANY = 24;

let on: Fixture;
beforeAll(async () => {
  on = await fixture('group', { maxConnections: MANY });
});
afterAll(() => on.close());

/** A transaction that only adds, and fails where the thing is there. */
const add = (id: string) =>
  on.db.transaction(async (tx) => {
    tx.publish(event(id));
    tx.defer(sql`INSERT INTO thing (id, amount) VALUES (${id}, 1)`.compile(tx.sql), { rows: 1 });
  });
const added = async () => new Set((await on.server.query<{ id: string }>('SELECT id FROM thing')).map(({ id }) => id));

describe('transactions that only add', () => {
  it('are committed several at a time when many come at once', async () => {
    // Not while the connections are still being made.
    for (const name of ['first', 'many'])
      await Promise.all(Array.from({ length: MANY }, (_, index) => add(`${name}-${index}`)));
    const [row] = await on.server.query(
      "SELECT count(*)::int AS things, count(DISTINCT xmin::text)::int AS commits FROM thing WHERE id LIKE 'many-%'",
    );
    expect(row).toMatchObject({ things: MANY });
    expect(row?.commits).toBeLessThan(MANY);
  });

  it('need no connection each: a pool of two commits many at a time', async () => {
    const few = on.another({ maxConnections: 2 });
    await few.check();
    const each = Array.from({ length: 64 }, (_, index) =>
      few.transaction(async (tx) => {
        tx.defer(sql`INSERT INTO thing (id, amount) VALUES (${`few-${index}`}, 1)`.compile(tx.sql), { rows: 1 });
      }),
    );
    await Promise.all(each);
    const [row] = await on.server.query(
      "SELECT count(*)::int AS things, count(DISTINCT xmin::text)::int AS commits FROM thing WHERE id LIKE 'few-%'",
    );
    expect(row).toMatchObject({ things: 64 });
    expect(row?.commits).toBeLessThanOrEqual(8);
  });

  it('end as if each had been alone, whichever of them fail', async () => {
    let round = 0;
    const names = fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: MANY });
    await fc.assert(
      fc.asyncProperty(names, async (chosen) => {
        round++;
        const ids = chosen.map((name) => `${round}-${name}`);
        const outcomes = await Promise.allSettled(ids.map(add));
        for (const id of new Set(ids)) {
          const done = outcomes.filter(({ status }, index) => ids[index] === id && status === 'fulfilled');
          expect([id, done.length]).toEqual([id, 1]);
        }
        const refusals = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
        expect(new Set(refusals)).toEqual(new Set(refusals.length > 0 ? ['23505'] : []));
        const own = [...(await added())].filter((id) => id.startsWith(`${round}-`));
        expect(own.sort()).toEqual([...new Set(ids)].sort());
        const told = await on.server.query('SELECT key FROM outbox WHERE key LIKE $1', [`${round}-%`]);
        expect(told.map(({ key }) => key).sort()).toEqual([...new Set(ids)].sort());
      }),
      { numRuns: 30 },
    );
  });

  it('do not wait for those that wait for the row of somebody else', async () => {
    const holder = on.another({ maxConnections: 1 });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let holds = () => {};
    const holding = new Promise<void>((resolve) => {
      holds = resolve;
    });
    const other = holder.transaction(async ({ sql: tx }) => {
      await sql`INSERT INTO thing (id, amount) VALUES ('held', 1)`.execute(tx);
      holds();
      await held;
      throw new Error('given up');
    });
    await holding;
    let ended = 0;
    // As many as may be on their way, and more.
    const stuck = Array.from({ length: 4 }, () => add('held').finally(() => ended++));
    const settled = Promise.allSettled(stuck);
    await add('free');
    expect(ended).toBe(0);
    release();
    await expect(other).rejects.toThrow('given up');
    expect((await settled).filter(({ status }) => status === 'fulfilled').length).toBe(1);
    expect(await added()).toContain('free');
  });

  it('are in the database or not as their callers are told, when its connections break', async () => {
    const outcomes: [string, 'added' | 'unknown'][] = [];
    const work = Promise.all(
      Array.from({ length: MANY }, async (_, worker) => {
        for (let turn = 0; turn < 40; turn++) {
          const id = `broken-${worker}-${turn}`;
          const outcome = await add(id).then(
            () => 'added' as const,
            // Had it been tried again after a commit, the thing would have been there.
            (error: unknown) => {
              if (error instanceof DatabaseUnavailable || (error as { code?: string }).code === '23505')
                return 'unknown' as const;
              throw error;
            },
          );
          outcomes.push([id, outcome]);
        }
      }),
    );
    for (let time = 1; time <= 5; time++) {
      await eventually(() => {
        if (outcomes.length < time * MANY) throw new Error(`${outcomes.length} outcomes`);
      });
      await on.server.disconnectAll();
    }
    await work;
    const there = await added();
    expect(outcomes.length).toBe(MANY * 40);
    expect(outcomes.filter(([id, outcome]) => outcome === 'added' && !there.has(id))).toEqual([]);
    const keys = await on.server.query<{ key: string }>("SELECT key FROM outbox WHERE key LIKE 'broken-%'");
    expect(keys.map(({ key }) => key).sort()).toEqual([...there].filter((id) => id.startsWith('broken-')).sort());
  });
});
