import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Delivery } from '../../src/events/index.ts';
import { openJetStreamBus } from '../../src/events/jetstream/index.ts';
import { BUCKETS } from '../../src/store/hash.ts';
import { BusFixture, numbered, numberOf, OTHER_TYPE, TYPE, upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { startNats } from '../../src/testing/nats.ts';
import { logger } from './buses.ts';
import { describeJetStream, openJetStream, type TestDriver } from './drivers.ts';

const KEYS = upTo(64).map((n) => `key-${n}`);
const EACH = 5;
const ELSEWHERE = 'weft.elsewhere.v1.counted';
/** The one in hand and eight behind it, in each lane. */
const MOST_AT_ONCE = BUCKETS * 9;

describeJetStream('messages behind the one in hand', () => {
  let driver: TestDriver;
  let on: BusFixture;
  beforeEach(async () => {
    driver = await openJetStream();
    on = new BusFixture(driver, await driver.open());
  });
  afterEach(() => on.close());

  /** Of so many keys that every lane has enough of them. */
  const publishMany = () => on.bus.publish(upTo(400).map((n) => numbered(`many-${n}`, 0)));
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

  it('are begun no more when the consumer is told to stop, however many wait', async () => {
    await publishMany();
    const held = Promise.withResolvers<void>();
    let begun = 0;
    const consumer = on.consume({
      handle: async () => {
        begun++;
        await held.promise;
      },
    });
    await eventually(() => begun >= MOST_AT_ONCE);
    const stopped = consumer.stop();
    held.resolve();
    await stopped;
    expect(begun).toBe(MOST_AT_ONCE);
  });

  it('leave the lanes of another service alone while they hang', async () => {
    await publishMany();
    const held = Promise.withResolvers<void>();
    const others: string[] = [];
    let begun = 0;
    const consumer = on.consume({
      types: [TYPE, ELSEWHERE],
      handle: async ({ type, key }) => {
        if (type === ELSEWHERE) return void others.push(key);
        begun++;
        await held.promise;
      },
    });
    await eventually(() => begun >= MOST_AT_ONCE);
    await on.bus.publish(KEYS.map((key) => numbered(key, 1, ELSEWHERE)));
    await eventually(() => others.length === KEYS.length);
    held.resolve();
    await on.settled(consumer);
  });

  it('are handled once more when the consumer is replayed', async () => {
    const began = new Date(Date.now() - 1_000);
    await publishAll();
    const consumer = on.consume();
    await on.settled(consumer);
    on.handled.length = 0;
    await on.bus.replay('counter', began);
    await on.settled(consumer);
    for (const key of KEYS) expect(on.numbers(key)).toEqual(upTo(EACH));
  });

  it('are not taken for those of a stream that is gone', async () => {
    const server = await startNats();
    const bus = openJetStreamBus({ url: server.url, name: 'test', logger, ackWaitMs: 2_000, storage: 'memory' });
    const publish = () =>
      eventually(async () => {
        await bus.publish(KEYS.map((key) => numbered(key, 1)));
        return true;
      });
    await publish();
    const consumer = on.consume({}, bus);
    await on.settled(consumer);
    expect(on.handled).toHaveLength(KEYS.length);
    await server.restart();
    await publish();
    await eventually(() => on.handled.length >= 2 * KEYS.length, 25_000);
    await bus.close();
    await server.drop();
  });

  it('do not overtake those of their key that another version hears', async () => {
    const heard = new Map<string, string[]>(KEYS.map((key) => [key, []]));
    const handle = async (delivery: Delivery) => {
      const events = heard.get(delivery.key) ?? [];
      const event = `${delivery.type === TYPE ? 'own' : 'other'} ${numberOf(delivery)}`;
      if (!events.includes(event)) events.push(event);
    };
    const old = on.consume({ handle });
    await publishAll();
    await on.settled(old);
    const fresh = on.consume({ types: [TYPE, OTHER_TYPE], handle }, await on.open());
    await on.settled(fresh);
    for (const key of KEYS) heard.set(key, []);
    for (const n of upTo(EACH))
      for (const type of [OTHER_TYPE, TYPE]) await on.bus.publish(KEYS.map((key) => numbered(key, n, type)));
    await on.settled(fresh);
    for (const key of KEYS) expect(heard.get(key)).toEqual(upTo(EACH).flatMap((n) => [`other ${n}`, `own ${n}`]));
  });

  it('are not skipped by a word to the broker that comes late, when another version hears more by then', async () => {
    const slow = await slowly('CONSUMER.RESET', Number(new URL(driver.url).port), 1_500);
    const bus = openJetStreamBus({ url: `nats://127.0.0.1:${slow.port}`, name: 'slow', logger, ackWaitMs: 10_000 });
    await on.bus.publish(KEYS.map((key) => numbered(key, 0, OTHER_TYPE)));
    await publishAll();
    const old = on.consume({}, bus);
    await eventually(() => slow.delayed() > 0);
    const others = new Set<string>();
    const handle = async ({ type, key }: Delivery) => void (type === OTHER_TYPE && others.add(key));
    on.consume({ types: [TYPE, OTHER_TYPE], handle });
    await eventually(() => others.size === KEYS.length, 25_000);
    await old.stop();
    await bus.close();
    await slow.close();
  });
});

/** A way to the broker on which what has that in it is late. */
async function slowly(what: string, port: number, ms: number) {
  let delayed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
    broker.on('data', (chunk) => client.write(chunk));
    let before = Promise.resolve();
    client.on('data', (chunk) => {
      const late = chunk.includes(what);
      if (late) delayed++;
      before = before.then(async () => {
        if (late) await delay(ms);
        broker.write(chunk);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    delayed: () => delayed,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
