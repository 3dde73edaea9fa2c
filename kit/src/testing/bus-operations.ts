import { expect, it } from '@jest/globals';
import { UserRegisteredSchema } from '@weft/gen/es/weft/users/v1/events_pb';
import type { Published } from '../events/bus.ts';
import { eventSchema } from '../events/schema.ts';
import { type BusFixture, KEYS, numbered, numberOf, OTHER_TYPE, TYPE, upTo } from './bus-fixture.ts';
import { eventually } from './eventually.ts';

export function operationsTests(current: () => BusFixture): void {
  it('replays to a consumer what was published from a time on, in order of each key', async () => {
    const on = current();
    const consumer = on.consume();
    await on.bus.publish(KEYS.map((key) => numbered(key, 0)));
    await on.settled(consumer);
    // Times are compared by the broker's clock.
    const from = new Date(Math.max(...on.handled.map(({ publishedAt }) => publishedAt.getTime())) + 1);
    await eventually(() => Date.now() > from.getTime());
    await on.bus.publish(upTo(3).flatMap((n) => KEYS.map((key) => numbered(key, n + 1))));
    await on.settled(consumer);
    await on.bus.replay('counter', from);
    await eventually(() => KEYS.every((key) => on.numbers(key).length === 7), 20_000);
    for (const key of KEYS) expect(on.numbers(key)).toEqual([0, 1, 2, 3, 1, 2, 3]);
    await on.bus.publish([numbered('a', 9)]);
    await on.settled(consumer);
    expect(on.numbers('a').at(-1)).toBe(9);
  });

  it('loses nothing when it replays from a time later than where a lagging consumer stands', async () => {
    const on = current();
    const consumer = on.consume();
    await on.bus.publish([numbered('a', 0)]);
    await on.settled(consumer);
    await consumer.stop();
    const times: Date[] = [];
    const ended = new AbortController();
    const tailing = (async () => {
      for await (const { publishedAt } of on.bus.tail({ from: new Date(0), signal: ended.signal }))
        times.push(publishedAt);
    })();
    await on.bus.publish([1, 2, 3].map((n) => numbered('a', n)));
    await eventually(() => times.length === 4);
    // Times are compared by the broker's clock.
    const from = new Date(Math.max(...times.map((time) => time.getTime())) + 1);
    await eventually(() => Date.now() > from.getTime());
    await on.bus.publish([4, 5].map((n) => numbered('a', n)));
    await eventually(() => times.length === 6);
    ended.abort();
    await tailing;
    await on.bus.replay('counter', from);
    await on.settled(on.consume());
    expect(on.firsts('a')).toEqual(upTo(6));
  });

  it('replays also to a consumer that does not run', async () => {
    const on = current();
    const consumer = on.consume();
    await on.bus.publish([numbered('a', 1), numbered('b', 2)]);
    await on.settled(consumer);
    await consumer.stop();
    await on.bus.replay('counter', new Date(0));
    await on.settled(on.consume());
    await eventually(() => on.handled.length === 4);
    expect([on.numbers('a'), on.numbers('b')]).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it('knows no consumer that never was', async () => {
    await expect(current().bus.replay('nobody', new Date(0))).rejects.toMatchObject({ reason: 'CONSUMER_NOT_FOUND' });
  });

  it('shows who looks what is published, by type and from a time on, and keeps nobody from it', async () => {
    const on = current();
    const seen: Published[] = [];
    const ended = new AbortController();
    const tail = async (options: object) => {
      for await (const event of on.bus.tail({ ...options, signal: ended.signal })) seen.push(event);
    };
    await on.bus.publish([numbered('a', 1), numbered('a', 2, OTHER_TYPE)]);
    const tailing = tail({ types: [TYPE], from: new Date(0) });
    await eventually(() => seen.length === 1);
    await on.bus.publish([numbered('b', 3), numbered('b', 4, OTHER_TYPE), numbered('c', 5)]);
    await eventually(() => seen.length === 3);
    expect(seen.map(numberOf)).toEqual([1, 3, 5]);
    const consumer = on.consume();
    await on.settled(consumer);
    await eventually(() => on.handled.length === 3);
    ended.abort();
    await tailing;
  });

  it('says since when it keeps what may be delivered again', async () => {
    const on = current();
    expect(await on.bus.keptSince([TYPE])).toBeUndefined();
    const consumer = on.consume();
    await on.bus.publish([numbered('a', 1)]);
    await on.settled(consumer);
    await on.bus.publish([numbered('a', 2, OTHER_TYPE), numbered('b', 3)]);
    await on.settled(consumer);
    const since = await on.bus.keptSince([TYPE, OTHER_TYPE]);
    expect(Math.floor(Number(since))).toBe(on.handled[0]?.publishedAt.getTime());
  });

  it('keeps every version of an event, and who has which', async () => {
    const on = current();
    const mine = eventSchema('weft.users.v1.user_registered', UserRegisteredSchema);
    const older = { ...mine, fingerprint: '0'.repeat(64) };
    await on.bus.registerSchemas('users', [older], []);
    await on.bus.registerSchemas('notifications', [], [older]);
    await on.bus.registerSchemas('users', [mine], []);
    await on.bus.registerSchemas('users', [mine], []);
    const standing = await on.bus.schemas();
    const uses = Object.fromEntries(standing.map((one) => [one.fingerprint, [one.publishers, one.readers]]));
    expect(uses).toEqual({ [mine.fingerprint]: [['users'], []], [older.fingerprint]: [[], ['notifications']] });
    expect(standing[0]).toMatchObject({ type: mine.type, message: 'weft.users.v1.UserRegistered' });
    expect(Buffer.from(standing[0]?.descriptors ?? [])).toEqual(Buffer.from(mine.descriptors));
    await on.bus.registerSchemas('notifications', [], []);
    expect((await on.bus.schemas()).flatMap(({ readers }) => readers)).toEqual([]);
  });
}
