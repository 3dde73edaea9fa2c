import { expect, it } from '@jest/globals';
import type { Bus, Delivery } from '../events/bus.ts';
import { type BusFixture, KEYS, numbered, numberOf, OTHER_TYPE, TYPE, upTo } from './bus-fixture.ts';
import { eventually } from './eventually.ts';

export function deliveryTests(current: () => BusFixture): void {
  it('delivers what was published, as it was published', async () => {
    const on = current();
    const message = numbered('a', 7);
    on.consume();
    await on.bus.publish([message]);
    await eventually(() => on.handled.length === 1);
    expect(on.handled[0]).toMatchObject({ ...message, payload: Buffer.from(message.payload), deliveries: 1 });
    expect(Math.abs(Date.now() - Number(on.handled[0]?.publishedAt))).toBeLessThan(60_000);
  });

  it('gives a consumer its types, from the beginning, and each consumer all of them', async () => {
    const on = current();
    await on.bus.publish(upTo(200).flatMap((n) => [numbered('a', n), numbered('a', n, OTHER_TYPE)]));
    const both: Delivery[] = [];
    const one = on.consume();
    const two = on.consume({
      name: 'both',
      types: [TYPE, OTHER_TYPE],
      handle: async (delivery) => void both.push(delivery),
    });
    await on.settled(one);
    await on.settled(two);
    expect(on.numbers('a')).toEqual(upTo(200));
    expect(both).toHaveLength(400);
  });

  it('keeps the order of each key', async () => {
    const on = current();
    const consumer = on.consume();
    for (const n of upTo(50)) await on.bus.publish(KEYS.map((key) => numbered(key, n)));
    await on.settled(consumer);
    for (const key of KEYS) expect(on.numbers(key)).toEqual(upTo(50));
  });

  it('keeps all for a consumer that is slower than its publishers, and others do not wait for it', async () => {
    const on = current();
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const slow: Delivery[] = [];
    const one = on.consume({
      name: 'slow',
      async handle(delivery) {
        await held;
        slow.push(delivery);
      },
    });
    const two = on.consume({ name: 'fast' });
    for (const n of upTo(40)) await on.bus.publish(KEYS.map((key) => numbered(key, n)));
    await on.settled(two);
    for (const key of KEYS) expect(on.numbers(key)).toEqual(upTo(40));
    expect(await one.lag()).toBe(40 * KEYS.length);
    free();
    await on.settled(one);
    for (const key of KEYS) {
      expect(slow.filter((delivery) => delivery.key === key).map(numberOf)).toEqual(upTo(40));
    }
  });

  it('keeps the order of many publishers of different keys', async () => {
    const on = current();
    const consumer = on.consume();
    const second = await on.open();
    const publish = async (from: Bus, keys: string[]) => {
      for (const n of upTo(60)) await from.publish(keys.map((key) => numbered(key, n)));
    };
    await Promise.all([
      publish(on.bus, KEYS.slice(0, 6)),
      publish(second, KEYS.slice(6)),
      publish(on.bus, ['x']),
      publish(second, ['y']),
    ]);
    await on.settled(consumer);
    for (const key of [...KEYS, 'x', 'y']) expect(on.numbers(key)).toEqual(upTo(60));
  });

  it('takes any text for a key', async () => {
    const on = current();
    const keys = ['a.b', 'a*>', ' ', 'é/ü', '%41', '=41', '~', '日'.repeat(400)];
    const consumer = on.consume();
    for (const n of upTo(3)) await on.bus.publish(keys.map((key) => numbered(key, n)));
    await on.settled(consumer);
    for (const key of keys) expect(on.numbers(key)).toEqual(upTo(3));
    expect(on.handled.every(({ key, subject }) => subject === `${TYPE}.${key}`)).toBe(true);
  });

  it('ignores an id that it has already', async () => {
    const on = current();
    const consumer = on.consume();
    const message = numbered('a', 1);
    await on.bus.publish([message, message]);
    await on.bus.publish([message, numbered('a', 2)]);
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([1, 2]);
  });

  it('refuses a batch with a message that is none, and takes those of others', async () => {
    const on = current();
    const consumer = on.consume();
    const outcomes = await Promise.allSettled([
      on.bus.publish([numbered('a', 1)]),
      on.bus.publish([{ ...numbered('a', 9), id: 'no uuid' }]),
      on.bus.publish([numbered('a', 2)]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([1, 2]);
  });

  it('refuses a second consumer of one name in one process', () => {
    const on = current();
    on.consume();
    expect(() => on.consume()).toThrow();
  });
}
