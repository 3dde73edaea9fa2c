import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addFacts, dueFacts, factsMigrations, migrate, noteDueFacts, noteFacts } from '../../src/store/index.ts';
import { event, type Fixture, fixture } from './fixture.ts';

interface Known {
  readonly placed?: { readonly token: string };
  readonly paid?: true;
}

let on: Fixture;
let now = new Date('2030-01-01T00:00:00Z');
beforeAll(async () => {
  on = await fixture('facts');
  await migrate(on.db, factsMigrations);
});
afterAll(() => on.close());

const due = () => dueFacts<Known, unknown>(on.db as never, () => now, 1000);
const later = (ms: number) => (now = new Date(now.getTime() + ms));
const note = (id: string, facts: Known) => on.db.transaction(async (tx) => noteDueFacts(tx, id, facts, now));

describe('facts', () => {
  it('stay as they were first noted, in any order', async () => {
    const id = randomUUID();
    const first: Known = { placed: { token: 'a' } };
    expect(await on.db.transaction((tx) => noteFacts(tx, id, first))).toEqual(first);
    const again: Known = { placed: { token: 'b' }, paid: true };
    expect(await on.db.transaction((tx) => noteFacts(tx, id, again))).toEqual({ ...first, paid: true });
    await on.db.transaction(async (tx) => addFacts(tx, id, { sent: true }));
    expect(await on.db.transaction((tx) => noteFacts(tx, id, {}))).toEqual({ ...first, paid: true, sent: true });
    expect(await due().count()).toBe(0);
  });

  it('are saved with the transaction that learns them, or not at all', async () => {
    const id = randomUUID();
    const failing = on.db.transaction(async (tx) => {
      noteDueFacts(tx, id, { paid: true }, now);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await due().count()).toBe(0);
  });
});

describe('facts that ask for work', () => {
  it('are in the hand of one worker, and of another when that one says nothing in time', async () => {
    const id = randomUUID();
    await note(id, { paid: true });
    expect(await due().claim(10)).toMatchObject([{ id, facts: { paid: true }, tries: 0 }]);
    expect(await due().claim(10)).toEqual([]);
    later(1000);
    const [claimed] = await due().claim(10);
    await due().rest(claimed as never, []);
    later(5000);
    expect(await due().claim(10)).toEqual([]);
    expect(await due().count()).toBe(0);
  });

  it('are taken again when something was noted meanwhile, at once', async () => {
    const id = randomUUID();
    await note(id, { placed: { token: 'a' } });
    const [before] = await due().claim(1);
    later(1);
    await note(id, { paid: true });
    await due().rest(before as never, ['placed']);
    const [after] = await due().claim(1);
    expect(after?.facts).toEqual({ placed: { token: 'a' }, paid: true });
    await due().rest(after as never, ['placed', 'token']);
    expect(await on.db.transaction((tx) => noteFacts(tx, id, { placed: { token: 'c' } }))).toEqual({
      placed: {},
      paid: true,
    });
  });

  it('are counted with those that failed again and again, and with the time since which the first asks', async () => {
    expect(await due().open(2)).toEqual({ count: 0, stalled: 0, oldest: undefined });
    const [id, began] = [randomUUID(), now];
    await note(id, { paid: true });
    later(100);
    await note(id, { placed: { token: 'a' } });
    for (const stalled of [0, 1]) {
      const [claimed] = await due().claim(10);
      await due().retry(claimed as never, later(10));
      expect(await due().open(2)).toEqual({ count: 1, stalled, oldest: began });
    }
    const [last] = await due().claim(10);
    await due().rest(last as never, []);
    expect(await due().open(2)).toMatchObject({ count: 0, oldest: undefined });
    const again = later(5000);
    await note(id, {});
    expect(await due().open(2)).toEqual({ count: 1, stalled: 0, oldest: again });
    const [rested] = await due().claim(10);
    await due().rest(rested as never, []);
  });

  it('wait after a try that failed, and count it', async () => {
    const id = randomUUID();
    await note(id, { paid: true });
    const [first] = await due().claim(1);
    await due().retry(first as never, new Date(now.getTime() + 50));
    expect(await due().claim(1)).toEqual([]);
    later(50);
    const [second] = await due().claim(1);
    expect(second).toMatchObject({ id, tries: 1 });
    const alert = event(id);
    await due().retry(second as never, new Date(now.getTime() + 50), alert);
    const alerts = await on.server.query('SELECT message_id AS id FROM outbox WHERE key = $1', [id]);
    expect(alerts).toEqual([{ id: alert.id }]);
    later(50);
    const [third] = await due().claim(1);
    expect(third).toMatchObject({ id, tries: 2 });
    await due().rest(third as never, []);
  });
});
