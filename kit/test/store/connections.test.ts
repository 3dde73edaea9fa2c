import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { receiveOnce } from '../../src/store/inbox.ts';
import { NoSlot, Slots } from '../../src/store/slots.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { type Fixture, fixture } from './fixture.ts';

let on: Fixture;
beforeAll(async () => {
  on = await fixture('connections');
});
afterAll(() => on.close());

describe('a pool that is too small for all that is to be done', () => {
  it('sends nothing of a transaction that has ended while it waited for a connection', async () => {
    const db = on.another({ maxConnections: 1 });
    const held = Promise.withResolvers<void>();
    const holding = Promise.withResolvers<void>();
    const holder = db.transaction(async (tx) => {
      await sql`SELECT 1`.execute(tx.sql);
      holding.resolve();
      await held.promise;
    });
    await holding.promise;
    let late: Promise<unknown> | undefined;
    const refused = db.transaction(async (tx) => {
      late = tx.sql.insertInto('thing').values({ id: 'late', amount: 1n, noted: new Date(), detail: null }).execute();
      late.catch(() => undefined);
      throw new Error('refused');
    });
    const outcome = expect(refused).rejects.toThrow('refused');
    held.resolve();
    await Promise.all([holder, outcome]);
    await expect(late).rejects.toThrow('has ended');
    expect(await on.server.query("SELECT FROM thing WHERE id = 'late'")).toEqual([]);
  });

  it('leaves connections to requests, however much is done for events', async () => {
    const db = on.another({ maxConnections: 5 });
    const held = Promise.withResolvers<void>();
    let begun = 0;
    const events = Array.from({ length: 12 }, (_, index) =>
      receiveOnce(db, { consumer: 'busy', messageId: randomUUID(), receivedAt: new Date(index) }, async (tx) => {
        await sql`SELECT 1`.execute(tx.sql);
        begun++;
        await held.promise;
      }),
    );
    await eventually(() => begun === 4);
    await sql`SELECT 1`.execute(db.read);
    expect(begun).toBe(4);
    held.resolve();
    expect(await Promise.all(events)).toEqual(events.map(() => true));
  });

  it('keeps nobody waiting for longer than they may, and gives what they would have had to the next', async () => {
    const slots = new Slots(1);
    const giveBack = await slots.take();
    await expect(slots.take(10)).rejects.toBeInstanceOf(NoSlot);
    const next = slots.take(10_000);
    giveBack();
    giveBack();
    (await next)();
    (await slots.take(10))();
  });
});
