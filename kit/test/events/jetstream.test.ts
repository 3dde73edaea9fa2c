import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection, nanos } from '@nats-io/transport-node';
import { ProductCreatedSchema } from '@weft/gen/es/weft/catalog/v1/events_pb';
import { ProductCreated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { pino } from 'pino';
import { type Bus, defineEvent, type JetStreamBusOptions } from '../../src/events/index.ts';
import { openJetStreamBus } from '../../src/events/jetstream/index.ts';
import { BusFixture, numbered, numberOf, OTHER_TYPE, TYPE, upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { describeJetStream, openJetStream } from './drivers.ts';

const Created = defineEvent(ProductCreated, ProductCreatedSchema);
const DAY = 24 * 3_600_000;

describeJetStream('with nats-server on the path', () => {
  let driver: Awaited<ReturnType<typeof openJetStream>>;
  let on: BusFixture;
  let raw: NatsConnection;
  let opened: Bus[];
  let logs: string[];
  beforeEach(async () => {
    driver = await openJetStream();
    on = new BusFixture(driver, await driver.open());
    raw = await connect({ servers: `127.0.0.1:${driver.server.port}` });
    opened = [];
    logs = [];
  });
  afterEach(async () => {
    await raw.close();
    await Promise.all(opened.map((bus) => bus.close()));
    await on.close();
  });

  const open = (options: Partial<JetStreamBusOptions> = {}): Bus => {
    const logger = pino({ level: 'info' }, { write: (line: string) => void logs.push(line) });
    const bus = openJetStreamBus({ url: driver.url, name: 'another', logger, ackWaitMs: 2_000, ...options });
    opened.push(bus);
    return bus;
  };
  const stream = async (name: string) => (await (await jetstreamManager(raw)).streams.info(name)).config;

  it('speaks CloudEvents 1.0 in binary mode', async () => {
    const heard = raw.subscribe('weft.>', { max: 1 });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const content = ProductCreated.fromPartial({ productId: 'p1', version: 1n });
    const event = Created.create(content, { headers: { traceparent, 'correlation-id': 'c 1' } });
    await on.bus.publish([event]);
    for await (const message of heard) {
      expect(message.subject).toBe('weft.catalog.v1.product_created.p1');
      expect(ProductCreated.decode(message.data)).toEqual(content);
      expect(Object.fromEntries([...(message.headers ?? [])].map(([name, [value]]) => [name, value]))).toEqual({
        'ce-specversion': '1.0',
        'ce-id': event.id,
        'ce-type': 'weft.catalog.v1.product_created',
        'ce-source': '/weft/catalog',
        'ce-subject': 'p1',
        'ce-time': event.headers['ce-time'],
        'ce-dataschema': 'urn:protobuf:weft.catalog.v1.ProductCreated',
        'ce-datacontenttype': 'application/protobuf',
        traceparent,
        'x-correlation-id': 'c%201',
        'Nats-Msg-Id': event.id,
        'Nats-Expected-Stream': 'weft_catalog',
      });
    }
    const consumer = on.consume({ types: [Created.type] });
    await on.settled(consumer);
    expect(on.handled[0]?.headers).toMatchObject(event.headers);
  });

  it('makes dead letters of messages with an envelope that is none, says which, and goes on', async () => {
    const bus = open();
    await bus.publish([numbered('a', 1)]);
    const good = {
      'ce-specversion': '1.0',
      'ce-id': randomUUID(),
      'ce-type': TYPE,
      'ce-source': '/x',
      'ce-subject': 'a',
    };
    const odd: Record<string, string | undefined>[] = [
      Object.fromEntries(Object.keys(good).map((name) => [name, undefined])),
      { 'ce-specversion': '0.3' },
      { 'ce-id': 'no uuid' },
      { 'ce-type': 'weft.test.v1.another' },
      { 'ce-source': undefined },
      { 'ce-subject': 'b' },
      { 'ce-time': '%zz' },
      { 'content-type': 'application/cloudevents+json' },
      { 'ce-datacontenttype': 'application/json' },
    ];
    const js = jetstream(raw);
    for (const wrong of [...odd, { 'content-type': 'application/protobuf' }]) {
      const written = headers();
      for (const [name, value] of Object.entries({ ...good, ...wrong })) if (value) written.set(name, value);
      await js.publish(`${TYPE}.a`, Buffer.from([2, 0, 0, 255]), { headers: written });
    }
    const causes: string[] = [];
    const consumer = on.consume({ onGivenUp: (cause) => void causes.push(cause) }, bus);
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([1, 2]);
    expect(causes).toEqual(odd.map(() => 'envelope'));
    const letters = await bus.deadLetters('counter');
    expect(letters.map(({ error }) => error.slice(0, 32))).toEqual(
      odd.map(() => expect.stringContaining('Unreadable: envelope: ')),
    );
    expect(letters.every(({ type, payload }) => type === TYPE && numberOf({ payload }) === 2)).toBe(true);
    expect(logs.filter((line) => line.includes('event became a dead letter'))).toHaveLength(odd.length);
    await bus.redrive(letters[0]?.letter ?? '');
    await eventually(async () => (await bus.deadLetters()).some(({ deliveries }) => deliveries === 2));
  });

  it('publishes into the stream of the service and into no other', async () => {
    await on.bus.publish([numbered('a', 1)]);
    const manager = await jetstreamManager(raw);
    const { config } = await manager.streams.info('weft_test');
    await manager.streams.delete('weft_test');
    await manager.streams.add({ name: 'another', subjects: config.subjects });
    await expect(on.bus.publish([numbered('a', 2)])).rejects.toMatchObject({ reason: 'BUS_MISCONFIGURED' });
    expect((await manager.streams.info('another')).state.messages).toBe(0);
  });

  it('makes its streams when it starts, and changes what may be changed without losing what they hold', async () => {
    const bus = open({ services: ['orders', 'test'] });
    await eventually(() => bus.check().then(() => true));
    expect(await stream('weft_orders')).toMatchObject({
      max_age: nanos(7 * DAY),
      duplicate_window: nanos(120_000),
      storage: 'file',
    });
    await bus.publish([numbered('a', 1)]);
    const same = open({ services: ['orders', 'test'] });
    await eventually(() => same.check().then(() => true));
    expect(logs.filter((line) => line.includes('stream changed'))).toEqual([]);
    const changed = open({ services: ['test'], retentionMs: DAY, duplicateWindowMs: 60_000 });
    await eventually(() => changed.check().then(() => true));
    expect(await stream('weft_test')).toMatchObject({ max_age: nanos(DAY), duplicate_window: nanos(60_000) });
    const consumer = on.consume({}, changed);
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([1]);
  });

  it('keeps the events of a service as long as it says, and has nobody else change that', async () => {
    const other = open({ services: ['orders'] });
    await other.publish([numbered('a', 1)]);
    expect(await stream('weft_test')).toMatchObject({ max_age: nanos(7 * DAY) });
    const owner = open({ services: ['test'], retentionsMs: { test: 30 * DAY } });
    await eventually(() => owner.check().then(() => true));
    expect(await stream('weft_test')).toMatchObject({ max_age: nanos(30 * DAY) });
    const later = open({ services: ['orders'] });
    await later.publish([numbered('a', 2)]);
    expect(await stream('weft_test')).toMatchObject({ max_age: nanos(30 * DAY) });
  });

  it.each([
    ['storage', { storage: 'memory' }, 'storage "file" -> "memory"'],
    ['replicas', { replicas: 3 }, 'num_replicas 1 -> 3'],
  ] as const)(
    'leaves a stream alone whose %s cannot be what the settings say, and says so',
    async (_, options, told) => {
      await on.bus.publish([numbered('a', 1)]);
      const before = await stream('weft_test');
      const bus = open({ services: ['test'], ...options });
      await expect(eventually(() => bus.check(), 1)).rejects.toMatchObject({
        reason: 'BUS_MISCONFIGURED',
        message: expect.stringContaining(told),
      });
      expect(await stream('weft_test')).toEqual(before);
    },
  );

  it('makes a durable consumer anew that was removed under it', async () => {
    const consumer = on.consume();
    await on.bus.publish([numbered('a', 1)]);
    await on.settled(consumer);
    const manager = await jetstreamManager(raw);
    for (const bucket of upTo(8)) await manager.consumers.delete('weft_test', `counter-${bucket}`);
    await on.bus.publish([numbered('a', 2)]);
    await eventually(() => on.numbers('a').includes(2), 20_000);
    expect(on.firsts('a')).toEqual([1, 2]);
  });

  it('has its types given again when another version took them away, and goes back for what it was not given', async () => {
    const consumer = on.consume({ types: [TYPE, OTHER_TYPE] });
    await on.bus.publish([numbered('a', 1), numbered('a', 2, OTHER_TYPE)]);
    await on.settled(consumer);
    const manager = await jetstreamManager(raw);
    for (const bucket of upTo(8))
      await manager.consumers.update('weft_test', `counter-${bucket}`, { filter_subjects: [`${TYPE}.${bucket}.*`] });
    await on.bus.publish([numbered('a', 3, OTHER_TYPE), numbered('a', 4)]);
    await eventually(() => on.numbers('a').includes(4));
    await on.settled(consumer);
    await eventually(() => on.numbers('a').includes(3));
    expect([...on.firsts('a')].sort()).toEqual([1, 2, 3, 4]);
  });

  it('goes back for a new type also when whoever added it ended before it could', async () => {
    const first = on.consume();
    await on.bus.publish([numbered('a', 1, OTHER_TYPE), numbered('a', 2)]);
    await on.settled(first);
    await first.stop();
    const manager = await jetstreamManager(raw);
    for (const bucket of upTo(8)) {
      const added = `${OTHER_TYPE}.${bucket}.*`;
      const filter_subjects = [`${TYPE}.${bucket}.*`, added];
      await manager.consumers.update('weft_test', `counter-${bucket}`, {
        filter_subjects,
        metadata: { 'weft-behind': added },
      });
    }
    const second = on.consume({ types: [TYPE, OTHER_TYPE] });
    await eventually(() => on.numbers('a').includes(1));
    await on.settled(second);
    const { config } = await manager.consumers.info('weft_test', 'counter-0');
    expect(config.metadata?.['weft-behind']).toBeUndefined();
  });

  it('makes a stream anew that was removed under it', async () => {
    const consumer = on.consume();
    await on.bus.publish([numbered('a', 1)]);
    await on.settled(consumer);
    await (await jetstreamManager(raw)).streams.delete('weft_test');
    await eventually(() => on.bus.publish([numbered('a', 2)]).then(() => true));
    await eventually(() => on.numbers('a').includes(2), 20_000);
    expect(on.numbers('a')).toEqual([1, 2]);
  });

  it('tells who follows when a stream cannot be followed any more, after what was read of it', async () => {
    await on.bus.publish([numbered('a', 1), numbered('a', 2)]);
    const seen: number[] = [];
    const following = (async () => {
      const { signal } = new AbortController();
      for await (const event of on.bus.tail({ from: new Date(0), signal })) seen.push(numberOf(event));
    })();
    const outcome = following.catch((error: unknown) => error);
    await eventually(() => seen.length === 2);
    await (await jetstreamManager(raw)).streams.delete('weft_test');
    expect(await outcome).toBeInstanceOf(Error);
    expect(seen).toEqual([1, 2]);
  }, 60_000);

  it('keeps a letter for each consumer that gave the message up', async () => {
    const bus = open();
    const handle = async () => Promise.reject(new Error('no'));
    const consumers = ['one.a', 'two.b'].map((name) => on.consume({ name, maxDeliveries: 1, handle }, bus));
    const message = numbered('a', 1);
    await bus.publish([message]);
    for (const consumer of consumers) await on.settled(consumer);
    const letters = await bus.deadLetters();
    expect(letters.map(({ consumer, id }) => [consumer, id]).sort()).toEqual([
      ['one.a', message.id],
      ['two.b', message.id],
    ]);
    expect(letters[0]).toMatchObject({ ...message, payload: Buffer.from(message.payload), error: 'Error: no' });
    expect(await bus.deadLetters('one.a')).toHaveLength(1);
  });
});
