import { expect, it } from '@jest/globals';
import type { Delivery } from '../events/bus.ts';
import { type BusFixture, KEYS, numbered, numberOf, upTo } from './bus-fixture.ts';
import { eventually } from './eventually.ts';

export function restartTests(current: () => BusFixture): void {
  it('goes on where a stopped consumer ended', async () => {
    const on = current();
    const first = on.consume({
      async handle(delivery) {
        on.handled.push(delivery);
        if (numberOf(delivery) === 30) void first.stop();
      },
    });
    await on.bus.publish(upTo(100).map((n) => numbered('a', n)));
    await eventually(() => on.numbers('a').includes(30));
    await first.stop();
    expect(on.numbers('a')).toEqual(upTo(31));
    const second = on.consume();
    await on.settled(second);
    expect(on.numbers('a')).toEqual(upTo(100));
  });

  it('survives a restart of the broker in the middle', async () => {
    const on = current();
    const consumer = on.consume();
    let disturbing = true;
    let count = 0;
    const publishing = (async () => {
      for (; disturbing; count++) {
        const batch = ['a', 'b', 'c'].map((key) => numbered(key, count));
        await eventually(() => on.bus.publish(batch).then(() => true));
      }
    })();
    for (const _ of upTo(4)) {
      const before = on.handled.length;
      await eventually(() => on.handled.length > before);
      await on.driver.disconnectAll();
    }
    disturbing = false;
    await publishing;
    await on.settled(consumer);
    for (const key of ['a', 'b', 'c']) expect(on.firsts(key)).toEqual(upTo(count));
    await eventually(() => on.bus.check().then(() => true));
  });

  it('does not blame a message for the connections that were lost while it was handled', async () => {
    const on = current();
    const other = await on.open();
    let disturbances = 0;
    const handle = async (delivery: Delivery) => {
      on.handled.push(delivery);
      if (disturbances === 6) return;
      disturbances++;
      await on.driver.disconnectAll();
      await eventually(() => on.bus.check().then(() => true));
    };
    const consumer = on.consume({ maxDeliveries: 2, handle });
    on.consume({ maxDeliveries: 2, handle }, other);
    let last = 0;
    for (; disturbances < 6; last++) {
      await on.bus.publish([numbered('a', last)]);
      await eventually(() => on.numbers('a').includes(last), 25_000);
      await on.settled(consumer);
    }
    expect(await on.bus.deadLetters()).toEqual([]);
    expect(on.firsts('a')).toEqual(upTo(last));
  });

  it('waits for a broker that is away, and says meanwhile that it is', async () => {
    const on = current();
    const consumer = on.consume();
    await on.bus.publish([numbered('a', 0)]);
    await on.settled(consumer);
    const back = await on.driver.goAway();
    await expect(on.bus.publish([numbered('a', 1)])).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(on.bus.check()).rejects.toMatchObject({ kind: 'unavailable' });
    await back();
    await eventually(() => on.bus.publish([numbered('a', 1)]).then(() => true));
    await on.settled(consumer);
    expect(on.firsts('a')).toEqual([0, 1]);
  });

  it('shares a consumer between instances, and takes over from a dead one', async () => {
    const on = current();
    const seen = [new Set<string>(), new Set<string>(), new Set<string>()];
    const instances = await Promise.all(
      [on.bus, await on.open(), await on.open()].map(async (each, index) => ({
        bus: each,
        consumer: on.consume(
          {
            async handle(delivery) {
              on.handled.push(delivery);
              seen[index]?.add(delivery.key);
            },
          },
          each,
        ),
      })),
    );
    const publish = (from: number, to: number) =>
      on.bus.publish(upTo(to - from).flatMap((n) => KEYS.map((key) => numbered(key, from + n))));
    let next = 0;
    await eventually(async () => {
      await publish(next, ++next);
      return seen.every((keys) => keys.size > 0);
    });
    await instances[1]?.bus.close();
    await publish(next, next + 40);
    const [first, , third] = instances;
    if (first) await on.settled(first.consumer);
    for (const key of KEYS) expect(on.firsts(key)).toEqual(upTo(next + 40));
    await third?.consumer.stop();
    await publish(next + 40, next + 50);
    if (first) await on.settled(first.consumer);
    for (const key of KEYS) expect(on.firsts(key)).toEqual(upTo(next + 50));
  });
}
