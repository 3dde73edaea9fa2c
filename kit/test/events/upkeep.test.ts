import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  migratePostgresBus,
  openPostgresBus,
  type PostgresBus,
  type PostgresBusOptions,
} from '../../src/events/index.ts';
import { BusFixture, KEYS, numbered, OTHER_TYPE, TYPE, upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { logger } from './buses.ts';
import { openPostgres as openDriver } from './drivers.ts';

const DAY = 24 * 3_600_000;

let driver: Awaited<ReturnType<typeof openDriver>>;
let on: BusFixture;
beforeEach(async () => {
  driver = await openDriver();
  on = new BusFixture(driver, await driver.open());
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((bus) => bus.close()));
  await on.close();
});

const kept = async () => Number((await driver.server.query('SELECT count(*) FROM bus.message'))[0]?.count);
const opened: PostgresBus[] = [];

function open(options: Partial<PostgresBusOptions> = {}): PostgresBus {
  const bus = openPostgresBus({ url: driver.server.url, name: 'another', logger, ...options });
  opened.push(bus);
  return bus;
}

const later = () => open({ now: () => new Date(Date.now() + 8 * DAY) });

it('keeps messages for seven days, and longer for a consumer that has not passed them', async () => {
  const fast = on.consume({ name: 'fast' });
  let blocked = true;
  const slow = on.consume({
    name: 'slow',
    backoffMs: () => 50,
    maxDeliveries: 1_000,
    async handle({ key }) {
      if (blocked && key === 'a') throw new Error('blocked');
    },
  });
  await on.bus.publish(KEYS.flatMap((key) => upTo(300).map((n) => numbered(key, n))));
  await on.settled(fast);
  await eventually(async () => (await slow.lag()) < 2_400);
  const bus = later();
  await eventually(async () => (await bus.purge()) === 0 && (await kept()) < 1_500);
  const left = await kept();
  expect(left).toBeGreaterThanOrEqual(300);
  blocked = false;
  await on.settled(slow);
  await eventually(async () => {
    await bus.purge();
    return (await kept()) === 0;
  });
  expect(on.handled).toHaveLength(3_600);
});

it('does not keep messages for a consumer that was forgotten', async () => {
  const gone = on.consume({ name: 'gone', handle: async () => Promise.reject(new Error('no')) });
  await on.bus.publish([numbered('a', 1)]);
  await eventually(
    async () => (await driver.server.query("SELECT FROM bus.consumer WHERE name = 'gone'")).length === 8,
  );
  await gone.stop();
  const bus = later();
  expect(await bus.purge()).toBe(0);
  await bus.forget('gone');
  expect(await bus.purge()).toBe(1);
});

it('finds the one message among thousands of other types, whose passing is written down', async () => {
  for (const part of upTo(3)) await on.bus.publish(upTo(1_000).map((n) => numbered('a', part * 1_000 + n, OTHER_TYPE)));
  await on.bus.publish([numbered('a', 1)]);
  const consumer = on.consume();
  await on.settled(consumer);
  expect(on.numbers('a')).toEqual([1]);
  await on.bus.publish([numbered('b', 1, OTHER_TYPE)]);
  const positions = async () => (await driver.server.query('SELECT min(position) FROM bus.consumer'))[0]?.min;
  await eventually(async () => Number(await positions()) === 3_002, 20_000);
}, 40_000);

it('handles what a version that keeps no types has stepped over', async () => {
  const types = [TYPE, OTHER_TYPE];
  const first = on.consume({ types });
  await on.bus.publish([numbered('a', 1), numbered('a', 2, OTHER_TYPE)]);
  await on.settled(first);
  await first.stop();
  await on.bus.publish([numbered('a', 3, OTHER_TYPE), numbered('a', 4)]);
  await driver.server.query('UPDATE bus.consumer SET position = (SELECT max(seq) FROM bus.message)');
  const second = on.consume({ types });
  await on.settled(second);
  expect(on.firsts('a')).toEqual([1, 2, 3, 4]);
});

it('takes a consumer for what its first version says that keeps types, and begins nothing anew', async () => {
  const first = on.consume();
  await on.bus.publish([numbered('a', 1)]);
  await on.settled(first);
  await first.stop();
  await driver.server.query('UPDATE bus.consumer SET types = NULL, covered = NULL');
  await on.bus.publish([numbered('a', 2)]);
  const second = on.consume();
  await on.settled(second);
  expect(on.numbers('a')).toEqual([1, 2]);
});

it('finds out about messages that no notification told of', async () => {
  const consumer = on.consume();
  await on.bus.publish([numbered('a', 1)]);
  await on.settled(consumer);
  await driver.server.query(
    `INSERT INTO bus.message (bucket, id, type, subject, key, headers, payload)
     SELECT bucket, gen_random_uuid(), '${TYPE}', subject, key, headers, payload FROM bus.message`,
  );
  await eventually(() => on.numbers('a').length === 2);
});

it('starts in many processes at once on an empty database', async () => {
  const another = await openDriver();
  const buses = await Promise.all(upTo(5).map(() => another.open()));
  await Promise.all(buses.map((bus) => bus.publish([numbered('a', 1)])));
  expect(await another.server.query('SELECT count(*)::int AS n FROM bus.message')).toEqual([{ n: 5 }]);
  await Promise.all(buses.map((bus) => bus.close()));
  await another.close();
});

it('works for a role that may connect and nothing more, once the tables are there', async () => {
  const another = await openDriver();
  const role = `guest_${randomUUID().replaceAll('-', '').slice(0, 8)}`;
  await another.server.query(`CREATE ROLE ${role} LOGIN PASSWORD 'guest'`);
  const url = new URL(another.server.url);
  url.username = role;
  url.password = 'guest';
  const bus = open({ url: url.href });
  await expect(bus.check()).rejects.toThrow('permission denied');
  await migratePostgresBus({ url: another.server.url, name: 'owner', logger });
  await eventually(() => bus.check().then(() => true));
  await bus.publish([numbered('a', 1)]);
  const consumer = on.consume({}, bus);
  await on.settled(consumer);
  expect(on.numbers('a')).toEqual([1]);
  await bus.close();
  await another.close();
  await driver.server.query(`DROP ROLE ${role}`);
});

it('says that its database is not there', async () => {
  const url = new URL(driver.server.url);
  url.port = '1';
  const bus = open({ url: url.href });
  await expect(bus.check()).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(bus.publish([numbered('a', 1)])).rejects.toMatchObject({ kind: 'unavailable' });
});
