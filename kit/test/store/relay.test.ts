import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Database, type OutboxLag, type OutgoingEvent, type Relay, startRelay } from '../../src/store/index.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { event, type Fixture, fixture, logger, numberOf, type Schema } from './fixture.ts';

/** Advisory locks of this database: the view shows those of all tests on the server. */
const OURS = `locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Takes each id once, as a bus does. */
class MemoryBus {
  readonly messages: OutgoingEvent[] = [];
  readonly ids = new Set<string>();
  batches = 0;
  inHand = 0;
  mostInHand = 0;
  failing = false;
  before: (batch: number) => Promise<void> = async () => undefined;

  async publish(messages: readonly OutgoingEvent[]): Promise<void> {
    this.mostInHand = Math.max(this.mostInHand, ++this.inHand);
    try {
      await this.before(++this.batches);
      if (this.failing) throw new Error('bus down');
      for (const message of messages) {
        if (!this.ids.has(message.id)) this.messages.push(message);
        this.ids.add(message.id);
      }
    } finally {
      this.inHand--;
    }
  }

  numbers(key: string): number[] {
    return this.messages.filter((message) => message.key === key).map(numberOf);
  }
}

let on: Fixture;
let bus: MemoryBus;
let relays: Relay[];
beforeEach(async () => {
  on = await fixture('relay');
  bus = new MemoryBus();
  relays = [];
});
afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.stop(1_000)));
  await on.close();
});

function relay(db: Database<Schema> = on.db, onLag?: (lag: OutboxLag) => void): Relay {
  const started = startRelay({ db, bus, logger, ...(onLag && { onLag }) });
  relays.push(started);
  return started;
}

const save = (...events: OutgoingEvent[]) => on.db.transaction(async (tx) => tx.publish(...events));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const settled = (count: number) =>
  eventually(
    async () => bus.messages.length === count && (await on.server.query('SELECT FROM outbox')).length === 0,
    20_000,
  );

it('takes what was committed to the bus, in order, and then deletes it', async () => {
  relay();
  for (const n of upTo(20)) await save(event('a', n), event('b', n));
  await settled(40);
  expect(bus.numbers('a')).toEqual(upTo(20));
  expect(bus.messages[0]).toMatchObject({
    ...event('a'),
    id: expect.any(String),
    payload: Buffer.from([0, 0, 0, 255]),
  });
});

it('is woken at once, and not by its poll', async () => {
  relay();
  await save(event('a'));
  await settled(1);
  const times: number[] = [];
  for (const n of upTo(10)) {
    const start = performance.now();
    await save(event('a', n));
    await eventually(() => bus.messages.length === n + 2);
    times.push(performance.now() - start);
  }
  expect(times.sort((a, b) => a - b)[5]).toBeLessThan(250);
});

it('takes what others left behind', async () => {
  await save(...upTo(600).map((n) => event('a', n)));
  const started = relay();
  await settled(600);
  expect(bus.numbers('a')).toEqual(upTo(600));
  expect(bus.batches).toBe(3);
  expect(await started.backlog()).toBe(0);
});

it('has a batch follow while the one before is on its way, but nothing of a key that is', async () => {
  // A full batch that ends with an event of the key, and what follows.
  await save(...upTo(255).map((n) => event(`first-${n}`)), event('a', 0));
  await save(event('a', 1), event('b', 0));
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  bus.before = (batch) => (batch === 1 ? answered : Promise.resolve());
  relay();
  await eventually(() => bus.numbers('b').length === 1);
  expect(bus.numbers('a')).toEqual([]);
  answer();
  await settled(258);
  expect(bus.numbers('a')).toEqual([0, 1]);
});

it('keeps the order of every key, whichever of the batches that are on their way fail', async () => {
  // Neighbouring batches have some keys in common, and each some of its own.
  const keys = upTo(400).map((n) => `key-${n}`);
  for (const round of upTo(8)) await save(...keys.map((key) => event(key, round)));
  bus.before = async (batch) => {
    // Another one comes, or there is none.
    await eventually(() => bus.inHand > 1, 200).catch(() => undefined);
    if (batch % 3 === 1 && batch < 25) throw new Error('no answer');
  };
  relay();
  await settled(8 * keys.length);
  expect(bus.mostInHand).toBeGreaterThan(1);
  for (const key of keys) expect(bus.numbers(key)).toEqual(upTo(8));
});

it('asks a bus that is down less and less often, however much waits', async () => {
  await save(...upTo(600).map((n) => event(`key-${n}`)));
  bus.failing = true;
  const began = performance.now();
  relay();
  await eventually(() => bus.batches >= 12, 20_000);
  expect(performance.now() - began).toBeGreaterThan(1_000);
  bus.failing = false;
  await settled(600);
});

it('leaves nothing that is on the bus to the next one', async () => {
  const first = relay();
  await save(...upTo(512).map((n) => event(`key-${n}`)));
  await eventually(() => bus.messages.length === 512);
  await first.stop();
  expect(await on.server.query('SELECT FROM outbox')).toEqual([]);
});

it('publishes nothing that was rolled back', async () => {
  relay();
  const failed = on.db.transaction(async (tx) => {
    tx.publish(event('a', 1));
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  await save(event('a', 2));
  await settled(1);
  expect(bus.numbers('a')).toEqual([2]);
});

it('tries for ever when the bus is down, and reports its lag', async () => {
  const lags: OutboxLag[] = [];
  bus.failing = true;
  await save(event('a', 1), event('a', 2));
  relay(on.db, (lag) => lags.push(lag));
  await eventually(() => bus.batches >= 3);
  expect(await eventually(() => lags.at(-1) ?? false)).toMatchObject({ backlog: 2 });
  bus.failing = false;
  await settled(2);
  expect(bus.numbers('a')).toEqual([1, 2]);
});

it('shares the buckets with another relay and keeps the order of each key', async () => {
  const owners = async () => {
    const rows = await on.server.query(
      `SELECT pid, count(*)::int FROM pg_locks WHERE ${OURS} AND mode = 'ExclusiveLock' GROUP BY pid ORDER BY pid`,
    );
    return rows.map((row) => row.count);
  };
  relay();
  await eventually(async () => (await owners())[0] === 8);
  const keys = upTo(40).map((n) => `key ${n}`);
  bus.before = () => new Promise((resolve) => setTimeout(resolve, 5));
  const second = relay(on.another());
  for (const n of upTo(30)) await save(...keys.map((key) => event(key, n)));
  await eventually(async () => (await owners()).join() === '4,4');
  for (const n of upTo(30)) await save(...keys.map((key) => event(key, n + 30)));
  await second.stop();
  for (const n of upTo(10)) await save(...keys.map((key) => event(key, n + 60)));
  await settled(keys.length * 70);
  for (const key of keys) expect(bus.numbers(key)).toEqual(upTo(70));
});

it('takes over from a relay whose connection is lost, and loses nothing', async () => {
  relay();
  relay(on.another());
  let disturbing = true;
  let count = 0;
  const writing = (async () => {
    for (; disturbing; count++) {
      const events = ['a', 'b', 'c'].map((key) => event(key, count));
      await save(...events);
    }
  })();
  for (const _ of upTo(4)) {
    const before = bus.messages.length;
    await eventually(() => bus.messages.length > before);
    await on.server.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE ${OURS} AND pid <> pg_backend_pid()`);
  }
  disturbing = false;
  await writing;
  await settled(3 * count);
  for (const key of ['a', 'b', 'c']) expect(bus.numbers(key)).toEqual(upTo(count));
});

it('leaves the rest to the next one when it is stopped while the bus is down', async () => {
  bus.failing = true;
  const first = relay();
  await save(event('a', 1));
  await eventually(() => bus.batches > 0);
  const start = performance.now();
  await first.stop(200);
  expect(performance.now() - start).toBeLessThan(1_500);
  bus.failing = false;
  relay();
  await settled(1);
});

it('tells listeners of all processes what has changed', async () => {
  const heard: unknown[] = [];
  const other = on.another();
  const stop = other.onChange((changes) => heard.push(changes));
  await eventually(() => heard.length === 1);
  expect(heard).toEqual(['all']);
  await save(event('a'), event('b'));
  await eventually(() => heard.length === 2);
  expect(heard[1]).toEqual(['a', 'b']);
  await save(event('with, comma'));
  await eventually(() => heard[2] === 'all');
  stop();
  await save(event('c'));
  const again: unknown[] = [];
  other.onChange((changes) => again.push(changes));
  await save(event('d'));
  await eventually(() => again.some((changes) => Array.isArray(changes) && changes.includes('d')));
  expect(heard).toHaveLength(3);
});

it('refuses a second relay of one database in one process', () => {
  relay();
  expect(() => relay()).toThrow('already served');
});
