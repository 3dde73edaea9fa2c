import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DatabaseContended,
  IdempotencyKeyReused,
  once,
  RequestInProgress,
  receive,
  startPurge,
} from '../../src/store/index.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { type Fixture, fixture } from './fixture.ts';

const HOUR = 3_600_000;

let on: Fixture;
let clock = new Date();
beforeAll(async () => {
  on = await fixture('idempotency', { now: () => clock });
});
afterAll(() => on.close());

let key = '';
let effects = 0;
beforeEach(() => {
  key = randomUUID();
  effects = 0;
  clock = new Date();
});

const request = (text = 'request', subject = 'alice') => ({
  subject,
  method: 'Place',
  key,
  requestHash: Buffer.from(text),
});
const add = (gate: Promise<unknown> = Promise.resolve()) => ({
  commit: async (tx: Parameters<Parameters<typeof on.db.transaction>[0]>[0]) => {
    effects++;
    await tx.sql.insertInto('thing').values({ id: randomUUID(), amount: 1n, noted: clock, detail: null }).execute();
    await gate;
    return Buffer.from(`effect ${effects}`);
  },
});

describe('an idempotency key', () => {
  it('gives the stored response to whoever repeats the request', async () => {
    const first = await once(on.db, request(), add());
    expect(Buffer.from(await once(on.db, request(), add()))).toEqual(first);
    expect(effects).toBe(1);
  });

  it('prepares before the transaction, and not at all when there is a response', async () => {
    let prepared = 0;
    const work = {
      prepare: async () => ++prepared,
      commit: async (_: unknown, value: number) => Buffer.from(`prepared ${value}`),
    };
    expect(String(await once(on.db, request(), work))).toBe('prepared 1');
    expect(String(await once(on.db, request(), work))).toBe('prepared 1');
    expect(prepared).toBe(1);
  });

  it('is refused with another request', async () => {
    await once(on.db, request(), add());
    const reused = once(on.db, request('another'), add());
    await expect(reused).rejects.toBeInstanceOf(IdempotencyKeyReused);
    await expect(reused).rejects.toMatchObject({ kind: 'already-exists', reason: 'IDEMPOTENCY_KEY_REUSED' });
    await expect(once(on.db, request('another'), { ...add(), prepare: async () => undefined })).rejects.toBeInstanceOf(
      IdempotencyKeyReused,
    );
  });

  it('belongs to its subject', async () => {
    await once(on.db, request('a', 'alice'), add());
    await once(on.db, request('b', 'bob'), add());
    expect(effects).toBe(2);
  });

  it('makes concurrent duplicates wait for the first', async () => {
    const responses = await Promise.all(Array.from({ length: 8 }, () => once(on.db, request(), add())));
    expect(new Set(responses.map(String)).size).toBe(1);
    expect(effects).toBe(1);
  });

  it('lets the next one try when the first fails', async () => {
    let fail: (error: Error) => void = () => undefined;
    const first = once(on.db, request(), add(new Promise((_, reject) => (fail = reject))));
    const refused = expect(first).rejects.toThrow('declined');
    await eventually(() => effects === 1);
    const second = once(on.db, request(), add());
    await eventually(
      async () =>
        (
          await on.server.query(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
          )
        ).length === 1,
    );
    fail(new Error('declined'));
    await refused;
    expect(String(await second)).toBe('effect 2');
  });

  it('does not wait for ever', async () => {
    let finish: (value?: unknown) => void = () => undefined;
    const first = once(on.db, request(), add(new Promise((resolve) => (finish = resolve))));
    await eventually(() => effects === 1);
    await expect(once(on.db, request(), add())).rejects.toBeInstanceOf(RequestInProgress);
    finish();
    expect(String(await first)).toBe('effect 1');
  });

  it('is forgotten after a day', async () => {
    await once(on.db, request(), add());
    clock = new Date(Date.now() + 23 * HOUR);
    await once(on.db, request(), { ...add(), prepare: async () => undefined });
    expect(effects).toBe(1);
    clock = new Date(Date.now() + 25 * HOUR);
    expect(String(await once(on.db, request('another'), { ...add(), prepare: async () => undefined }))).toBe(
      'effect 2',
    );
    expect(String(await once(on.db, request('another'), add()))).toBe('effect 2');
  });
});

describe('the inbox', () => {
  it('takes a message once a consumer', async () => {
    const id = randomUUID();
    const take = (consumer: string) => on.db.transaction((tx) => receive(tx, consumer, id, clock));
    expect([await take('a'), await take('b'), await take('a')]).toEqual([true, true, false]);
  });

  it('forgets a message whose effect was rolled back', async () => {
    const id = randomUUID();
    const failed = on.db.transaction(async (tx) => {
      await receive(tx, 'a', id, clock);
      throw new DatabaseContended('55P03', undefined);
    });
    await expect(failed).rejects.toThrow();
    expect(await on.db.transaction((tx) => receive(tx, 'a', id, clock))).toBe(true);
  });
});

describe('purging', () => {
  it('removes what is old, in pieces, and nothing else', async () => {
    await on.server.query('DELETE FROM idempotency; DELETE FROM inbox');
    const old = `now() - interval '9 days'`;
    await on.server.query(
      `INSERT INTO inbox SELECT 'c', gen_random_uuid(), ${old} FROM generate_series(1, 2500);
       INSERT INTO inbox SELECT 'c', gen_random_uuid(), now() - interval '7 days' FROM generate_series(1, 5);
       INSERT INTO idempotency SELECT 's', 'm', n::text, '', '', ${old} FROM generate_series(1, 1200) n`,
    );
    await once(on.db, request(), add());
    const purge = startPurge(on.db);
    expect(await purge.run()).toBe(3700);
    expect(await purge.run()).toBe(0);
    await purge.stop();
    const [left] = await on.server.query(
      'SELECT (SELECT count(*) FROM inbox) inbox, (SELECT count(*) FROM idempotency) keys',
    );
    expect(left).toEqual({ inbox: '5', keys: '1' });
  });

  it('is done by one process at a time', async () => {
    await on.server.query(
      `INSERT INTO inbox SELECT 'd', gen_random_uuid(), now() - interval '9 days' FROM generate_series(1, 10)`,
    );
    const purge = startPurge(on.db);
    const { lockClass } = await import('../../src/store/hash.ts');
    await on.server.query(`SELECT pg_advisory_lock(${lockClass('store purge')}, 0)`);
    expect(await purge.run()).toBe(0);
    await on.server.query('SELECT pg_advisory_unlock_all()');
    expect(await purge.run()).toBe(10);
    await purge.stop();
  });
});
