import { expect, it } from '@jest/globals';
import type { Bus, Consumer, ConsumerOptions } from '../events/bus.ts';
import { type BusFixture, KEYS, numbered, numberOf, OTHER_TYPE, THIRD_TYPE, TYPE, upTo } from './bus-fixture.ts';
import { eventually } from './eventually.ts';

/** Two versions of a consumer: the new one has a type of event that the old one does not know. */
export function versionTests(current: () => BusFixture): void {
  const old = (on: BusFixture, bus: Bus, options: Partial<ConsumerOptions> = {}): Consumer =>
    on.consume(
      {
        ...options,
        async handle(delivery) {
          if (delivery.type !== TYPE) throw new Error('the old version was given what it does not know');
          on.handled.push(delivery);
        },
      },
      bus,
    );
  const young = (on: BusFixture, bus: Bus): Consumer => on.consume({ types: [TYPE, OTHER_TYPE] }, bus);
  const both = (on: BusFixture, from: number, to: number, keys = KEYS) =>
    on.bus.publish(
      upTo(to - from).flatMap((n) => keys.flatMap((key) => [TYPE, OTHER_TYPE].map((t) => numbered(key, from + n, t)))),
    );
  /** Each key's numbers of a type, in the order in which they were first seen. */
  const firsts = (on: BusFixture, type: string, key: string) => [
    ...new Set(on.handled.filter((one) => one.type === type && one.key === key).map(numberOf)),
  ];
  const complete = (on: BusFixture, count: number, keys = KEYS) =>
    keys.every((key) => [TYPE, OTHER_TYPE].every((type) => firsts(on, type, key).length === count));
  const inOrder = async (on: BusFixture, count: number) => {
    for (const type of [TYPE, OTHER_TYPE]) for (const key of KEYS) expect(firsts(on, type, key)).toEqual(upTo(count));
    expect(await on.bus.deadLetters()).toEqual([]);
  };

  it('gives a new version of a consumer what was published of its new types before it came', async () => {
    const on = current();
    const first = old(on, on.bus);
    await both(on, 0, 10);
    await on.settled(first);
    await first.stop();
    const second = young(on, await on.open());
    await on.settled(second);
    await both(on, 10, 12);
    await on.settled(second);
    await inOrder(on, 12);
  });

  it('gives it also what was published before anything that the old version knows', async () => {
    const on = current();
    await on.bus.publish(KEYS.map((key) => numbered(key, 0, OTHER_TYPE)));
    const first = old(on, on.bus);
    await on.settled(first);
    const second = young(on, await on.open());
    await on.settled(second);
    await on.bus.publish(KEYS.map((key) => numbered(key, 1)));
    await eventually(() => KEYS.every((key) => on.numbers(key).length >= 2), 25_000);
    for (const key of KEYS) expect(on.firsts(key)).toEqual([0, 1]);
  });

  it('goes back for the new types while the old version runs, and gives each version its own', async () => {
    const on = current();
    const first = old(on, on.bus);
    await both(on, 0, 5);
    await on.settled(first);
    young(on, await on.open());
    await both(on, 5, 10);
    await eventually(() => complete(on, 10), 25_000);
    await inOrder(on, 10);
  });

  it('gives the new version its types also when the old one comes last', async () => {
    const on = current();
    const second = young(on, on.bus);
    await both(on, 0, 2);
    await on.settled(second);
    const first = old(on, await on.open());
    for (const n of [2, 3, 4, 5, 6, 7]) {
      await both(on, n, n + 1);
      await eventually(() => complete(on, n + 1), 25_000);
    }
    await inOrder(on, 8);
    await second.stop();
    await both(on, 8, 9);
    const third = young(on, await on.open());
    await on.settled(third);
    await eventually(() => complete(on, 9), 25_000);
    await inOrder(on, 9);
    await first.stop();
  });

  it('waits with what only the new version knows, and what is behind it, until that is back', async () => {
    const on = current();
    const second = young(on, on.bus);
    await on.bus.publish([numbered('a', 0)]);
    await on.settled(second);
    await second.stop();
    const first = old(on, await on.open());
    await on.bus.publish([numbered('a', 1), numbered('a', 2, OTHER_TYPE), numbered('a', 3)]);
    await eventually(() => on.numbers('a').includes(1));
    for (const n of upTo(5)) {
      await on.bus.publish([numbered('b', n)]);
      await eventually(() => on.numbers('b').includes(n));
    }
    const third = young(on, await on.open());
    await eventually(() => on.numbers('a').includes(3), 25_000);
    expect(on.firsts('a')).toEqual([0, 1, 2, 3]);
    expect(await on.bus.deadLetters()).toEqual([]);
    await Promise.all([first.stop(), third.stop()]);
  });

  it('passes over the types of a version that is not coming back, and loses nothing when it does', async () => {
    const on = current();
    const second = young(on, on.bus);
    await both(on, 0, 1);
    await on.settled(second);
    await second.stop();
    const first = old(on, await on.open(), { awaitVersionMs: 200 });
    await both(on, 1, 4);
    await eventually(() => KEYS.every((key) => firsts(on, TYPE, key).length === 4), 25_000);
    await first.stop();
    await on.settled(young(on, await on.open()));
    await eventually(() => complete(on, 4), 25_000);
    await inOrder(on, 4);
  });

  it('gives each of two versions its own while each has a type that the other lacks, and neither waits for the other', async () => {
    const on = current();
    const wrong: string[] = [];
    const version = (bus: Bus, types: readonly string[]) =>
      on.consume(
        {
          types,
          async handle(delivery) {
            if (!types.includes(delivery.type)) wrong.push(delivery.type);
            on.handled.push(delivery);
          },
        },
        bus,
      );
    const one = version(on.bus, [TYPE, OTHER_TYPE]);
    await on.settled(one);
    version(await on.open(), [TYPE, THIRD_TYPE]);
    const publish = (n: number, type: string) => on.bus.publish(KEYS.map((key) => numbered(key, n, type)));
    const given = (count: number) => eventually(() => KEYS.every((key) => on.firsts(key).length === count), 40_000);
    await publish(0, THIRD_TYPE);
    await given(1);
    const types = [OTHER_TYPE, TYPE, THIRD_TYPE, OTHER_TYPE, THIRD_TYPE];
    for (const [index, type] of types.entries()) await publish(index + 1, type);
    await given(6);
    expect(wrong).toEqual([]);
    for (const key of KEYS) expect(on.firsts(key)).toEqual(upTo(6));
    expect(await on.bus.deadLetters()).toEqual([]);
  }, 60_000);

  it('gives dead letters again to the version that has their type, also where none has all', async () => {
    const on = current();
    on.consume({ types: [TYPE, OTHER_TYPE] });
    let broken = true;
    on.consume(
      {
        types: [TYPE, THIRD_TYPE],
        maxDeliveries: 1,
        async handle(delivery) {
          if (broken) throw new Error('broken');
          on.handled.push(delivery);
        },
      },
      await on.open(),
    );
    await on.bus.publish(KEYS.map((key) => numbered(key, 0, THIRD_TYPE)));
    await eventually(async () => (await on.bus.countDeadLetters('counter')) === KEYS.length, 25_000);
    broken = false;
    for (const { letter } of await on.bus.deadLetters('counter')) await on.bus.redrive(letter);
    await eventually(async () => (await on.bus.countDeadLetters('counter')) === 0, 25_000);
    for (const key of KEYS) expect(on.firsts(key)).toEqual([0]);
  }, 60_000);
}
