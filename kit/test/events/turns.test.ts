import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { migratePostgresBus } from '../../src/events/index.ts';
import { openPostgresBus } from '../../src/events/postgres/index.ts';
import { REGISTER } from '../../src/events/postgres/statements.ts';
import { type Ask, Turns } from '../../src/events/postgres/turns.ts';
import { BUCKETS, bucketOf } from '../../src/store/hash.ts';
import { connectionConfig } from '../../src/store/pool.ts';
import { Session } from '../../src/store/session.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { type TestDatabase, testDatabase } from '../../src/testing/postgres.ts';
import { logger } from './buses.ts';

const PROCESS = { id: 7, lockClass: 1 };
const TYPE = 'weft.test.v1.happened';
const EVERY = Array.from({ length: BUCKETS }, (_, bucket) => bucket);

let server: TestDatabase;
let session: Session;
let turns: Turns;
let sent: number;

beforeAll(async () => {
  server = await testDatabase('turns');
  const options = { url: server.url, name: 'turns', logger };
  await migratePostgresBus(options);
  const config = connectionConfig({ ...options, maxConnections: 1, statementTimeoutMs: 10_000 });
  session = new Session({ config, channels: [], logger });
  session.start();
  await eventually(() => {
    if (!session.connected) throw new Error('not connected yet');
  });
  const bus = openPostgresBus(options);
  await bus.publish(keys().map((key) => ({ id: randomUUID(), type: TYPE, subject: TYPE, key, headers: {}, payload })));
  await bus.close();
});
afterAll(async () => {
  await session?.stop();
  await server?.drop();
});
beforeEach(() => {
  sent = 0;
  turns = new Turns(
    Object.create(session, {
      query: {
        value: (...of: Parameters<Session['query']>) => {
          sent++;
          return session.query(...of);
        },
      },
    }) as Session,
    PROCESS,
  );
});

const payload = Buffer.alloc(0);
/** Three of each bucket. */
function keys(): string[] {
  const found = EVERY.map((): string[] => []);
  for (let n = 0; found.some((of) => of.length < 3); n++) {
    const of = found[bucketOf(`key-${n}`)];
    if (of && of.length < 3) of.push(`key-${n}`);
  }
  return found.flat();
}

const registered = async (consumer: string) => {
  await Promise.all(EVERY.map((bucket) => session.query(REGISTER, [consumer, bucket, [TYPE]])));
  return (bucket: number, more: Partial<Ask> = {}): Ask => ({
    ...{ consumer, bucket, after: 0n, types: [TYPE], limit: 64, deliveries: 1, cautiousUntil: 0n, save: false },
    ours: () => true,
    ...more,
  });
};
const cursors = (consumer: string) =>
  session.query<{ position: bigint; batch_size: number; deliveries: number }>(
    'SELECT position, batch_size, deliveries FROM bus.consumer WHERE name = $1 ORDER BY bucket',
    [consumer],
  );

it('asks for all lanes at once, and gives each its own', async () => {
  const ask = await registered('all');
  const found = await Promise.all(EVERY.map((bucket) => turns.next(ask(bucket, { limit: 1 + (bucket % 2) }))));
  expect(sent).toBe(1);
  expect(found.map(({ messages }) => messages.map(({ key }) => bucketOf(key)))).toEqual(
    EVERY.map((bucket) => Array(1 + (bucket % 2)).fill(bucket)),
  );
  expect((await cursors('all')).map((row) => row.batch_size)).toEqual(EVERY.map((bucket) => 1 + (bucket % 2)));
});

it('writes down what has been handled also where nothing follows', async () => {
  const ask = await registered('behind');
  const { messages, scanned } = await turns.next(ask(3));
  expect(messages).toHaveLength(3);
  const { messages: next } = await turns.next(ask(3, { after: scanned, save: true }));
  expect(next).toEqual([]);
  expect((await cursors('behind'))[3]).toEqual({ position: scanned, batch_size: 0, deliveries: 0 });
});

it('says nothing for a lane that has lost its lock, and goes on for the others', async () => {
  const ask = await registered('lost');
  const asked = [turns.next(ask(0, { after: 5n, save: true, ours: () => false })), turns.next(ask(1))];
  const [lost, kept] = await Promise.allSettled(asked);
  expect(lost).toMatchObject({ status: 'rejected', reason: { message: 'the bucket was lost' } });
  expect(kept).toMatchObject({ status: 'fulfilled', value: { messages: [{}, {}, {}] } });
  expect((await cursors('lost'))[0]).toEqual({ position: 0n, batch_size: 0, deliveries: 0 });
});
