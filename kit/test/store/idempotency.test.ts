import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DatabaseContended, IdempotencyKeyReused, once, receiveOnce, startPurge } from '../../src/store/index.ts';
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

const things = async () => Number((await on.server.query('SELECT count(*) FROM thing'))[0]?.count);
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
    const before = await things();
    const first = await once(on.db, request(), add());
    expect(Buffer.from(await once(on.db, request(), add()))).toEqual(first);
    expect(await things()).toBe(before + 1);
  });

  it('prepares before the transaction', async () => {
    const work = {
      prepare: async () => 'prepared',
      commit: async (_: unknown, value: string) => Buffer.from(value),
    };
    expect(String(await once(on.db, request(), work))).toBe('prepared');
  });

  it('gives the stored response when what is prepared has gone since', async () => {
    const first = await once(on.db, request(), { ...add(), prepare: async () => undefined });
    const gone = { ...add(), prepare: () => Promise.reject(new Error('gone')) };
    expect(Buffer.from(await once(on.db, request(), gone))).toEqual(first);
    await expect(once(on.db, { ...request(), key: randomUUID() }, gone)).rejects.toThrow('gone');
  });

  it('gives the stored response when the work fails on its own effect', async () => {
    const insert = {
      commit: async (tx: Parameters<Parameters<typeof on.db.transaction>[0]>[0]) => {
        await tx.sql.insertInto('thing').values({ id: key, amount: 1n, noted: clock, detail: null }).execute();
        return Buffer.from('inserted');
      },
    };
    expect(String(await once(on.db, request(), insert))).toBe('inserted');
    expect(String(await once(on.db, request(), insert))).toBe('inserted');
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

  it('takes effect once for concurrent duplicates, which all give the same response', async () => {
    const before = await things();
    const responses = await Promise.all(Array.from({ length: 8 }, () => once(on.db, request(), add())));
    expect(new Set(responses.map(String)).size).toBe(1);
    expect(await things()).toBe(before + 1);
  });

  it('lets the next one try when the first fails', async () => {
    const failing = add(Promise.reject(new Error('declined')));
    await expect(once(on.db, request(), failing)).rejects.toThrow('declined');
    expect(String(await once(on.db, request(), add()))).toBe('effect 2');
  });

  it('is not held by a first call that takes long: the faster one gives the response of both', async () => {
    const before = await things();
    const slow = Promise.withResolvers<void>();
    const first = once(on.db, request(), add(slow.promise));
    await eventually(() => effects === 1);
    expect(String(await once(on.db, request(), add()))).toBe('effect 2');
    slow.resolve();
    expect(String(await first)).toBe('effect 2');
    expect(await things()).toBe(before + 1);
  });

  it('is forgotten after a day', async () => {
    await once(on.db, request(), add());
    clock = new Date(Date.now() + 23 * HOUR);
    expect(String(await once(on.db, request(), add()))).toBe('effect 1');
    clock = new Date(Date.now() + 25 * HOUR);
    expect(String(await once(on.db, request('another'), add()))).toBe('effect 3');
    expect(String(await once(on.db, request('another'), add()))).toBe('effect 3');
  });
});

describe('the inbox', () => {
  const receipt = (messageId: string, consumer = 'a') => ({ consumer, messageId, receivedAt: clock });

  it('takes a message once a consumer', async () => {
    const id = randomUUID();
    const take = (consumer: string) => receiveOnce(on.db, receipt(id, consumer), async () => {});
    expect([await take('a'), await take('b'), await take('a')]).toEqual([true, true, false]);
  });

  it('has the effect of a message that comes several times at once', async () => {
    const id = randomUUID();
    const before = await things();
    const take = () => receiveOnce(on.db, receipt(id), async (tx) => void (await add().commit(tx)));
    const taken = await Promise.all(Array.from({ length: 8 }, take));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await things()).toBe(before + 1);
  });

  it('forgets a message whose effect was rolled back', async () => {
    const id = randomUUID();
    const failed = receiveOnce(on.db, receipt(id), async () => {
      throw new DatabaseContended('55P03', undefined);
    });
    await expect(failed).rejects.toThrow();
    expect(await receiveOnce(on.db, receipt(id), async () => {})).toBe(true);
  });

  it('knows a message that was handled before, though handling it again fails', async () => {
    const id = randomUUID();
    expect(await receiveOnce(on.db, receipt(id), async () => {})).toBe(true);
    const again = async () => {
      throw new Error('nothing to do any more');
    };
    expect(await receiveOnce(on.db, receipt(id), again)).toBe(false);
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

  it('remembers what was handled as long as the bus may deliver it again', async () => {
    await on.server.query('DELETE FROM inbox');
    for (const days of [400, 40, 30, 9])
      await on.server.query(`INSERT INTO inbox SELECT 'e', gen_random_uuid(), now() - interval '${days} days'`);
    let keptSince: Date | undefined = new Date(Date.now() - 365 * 24 * 3_600_000);
    let answers = true;
    const purge = startPurge(on.db, {
      async keptSince() {
        if (!answers) throw new Error('no bus');
        return keptSince;
      },
    });
    expect(await purge.run()).toBe(1);
    keptSince = new Date(Date.now() - 30 * 24 * 3_600_000);
    expect(await purge.run()).toBe(1);
    answers = false;
    await expect(purge.run()).rejects.toThrow('no bus');
    answers = true;
    keptSince = undefined;
    expect(await purge.run()).toBe(2);
    await purge.stop();
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
