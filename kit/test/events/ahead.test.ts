import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Delivery } from '../../src/events/index.ts';
import { BUCKETS } from '../../src/store/hash.ts';
import { BusFixture, numbered, numberOf, OTHER_TYPE, TYPE, upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { describeJetStream, openJetStream } from './drivers.ts';

const KEYS = upTo(64).map((n) => `key-${n}`);
const EACH = 5;

describeJetStream('messages behind the one in hand', () => {
  let on: BusFixture;
  beforeEach(async () => {
    const driver = await openJetStream();
    on = new BusFixture(driver, await driver.open());
  });
  afterEach(() => on.close());

  const publishAll = async () => {
    for (const n of upTo(EACH)) await on.bus.publish(KEYS.map((key) => numbered(key, n)));
  };

  it.each([
    ['one type', [TYPE]],
    ['several types', [TYPE, OTHER_TYPE]],
  ])('are handled together with it, and in order of each key: %s', async (_, types) => {
    await publishAll();
    const begun = new Map<string, Delivery>();
    const together: string[] = [];
    let most = 0;
    const consumer = on.consume({
      types,
      handle: async (delivery) => {
        if (begun.has(delivery.key)) together.push(delivery.key);
        begun.set(delivery.key, delivery);
        most = Math.max(most, begun.size);
        await new Promise((resolve) => setTimeout(resolve, 5));
        begun.delete(delivery.key);
        on.handled.push(delivery);
      },
    });
    await on.settled(consumer);
    expect(together).toEqual([]);
    expect(most).toBeGreaterThan(BUCKETS);
    for (const key of KEYS) expect(on.numbers(key)).toEqual(upTo(EACH));
  });

  it('wait where one of their key fails, until it is handled', async () => {
    await publishAll();
    const failing = KEYS[40] as string;
    let failures = 0;
    const consumer = on.consume({
      handle: async (delivery) => {
        if (delivery.key === failing && numberOf(delivery) === 1 && failures++ < 3) throw new Error('not yet');
        on.handled.push(delivery);
      },
    });
    await on.settled(consumer);
    for (const key of KEYS) expect(on.numbers(key)).toEqual(upTo(EACH));
  });

  it('are handled once each when several processes share the consumer', async () => {
    const other = await on.open();
    const consumers = [on.consume(), on.consume({}, other)];
    await publishAll();
    await eventually(() => on.handled.length >= KEYS.length * EACH, 20_000);
    for (const consumer of consumers) await on.settled(consumer);
    for (const key of KEYS) expect(on.numbers(key)).toEqual(upTo(EACH));
  });

  it('are given back when the consumer stops', async () => {
    await publishAll();
    const first = on.consume({
      handle: async (delivery) => {
        on.handled.push(delivery);
        if (on.handled.length === 20) void first.stop();
      },
    });
    await eventually(() => on.handled.length >= 20, 20_000);
    await first.stop();
    const early = on.handled.length;
    expect(early).toBeLessThan(KEYS.length * EACH);
    await on.settled(on.consume());
    for (const key of KEYS) expect(on.firsts(key)).toEqual(upTo(EACH));
  });
});
