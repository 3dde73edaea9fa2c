import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ProductCreatedSchema, ProductUpdatedSchema } from '@weft/gen/es/weft/catalog/v1/events_pb';
import { ProductCreated, ProductUpdated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { sql } from 'kysely';
import { type Bus, consumer, defineEvent, type EventMeta, on, startConsumer } from '../../src/events/index.ts';
import { type Database, migrate, openDatabase, type Relay, startRelay } from '../../src/store/index.ts';
import { KEYS, numbered, upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { type TestDatabase, testDatabase } from '../../src/testing/postgres.ts';
import { logger, openDriver } from './driver.ts';

const Created = defineEvent(ProductCreated, ProductCreatedSchema);
const Updated = defineEvent(ProductUpdated, ProductUpdatedSchema);
const EFFECT = {
  name: '0001-effect',
  up: 'CREATE TABLE effect (place bigint GENERATED ALWAYS AS IDENTITY, key text, version bigint)',
};

let driver: Awaited<ReturnType<typeof openDriver>>;
let server: TestDatabase;
let bus: Bus;
let another: Bus;
let db: Database<unknown>;
let relay: Relay;
beforeEach(async () => {
  driver = await openDriver();
  server = await testDatabase('effects');
  bus = await driver.open();
  another = await driver.open();
  db = openDatabase({ url: server.url, name: 'test', logger });
  await migrate(db, [EFFECT]);
  relay = startRelay({ db, bus, logger });
});
afterEach(async () => {
  await Promise.all([bus.close(), another.close()]);
  await relay.stop(500);
  await db.close();
  await driver.close();
  await server.drop();
});

const effects = (key: string) =>
  server
    .query<{ version: string }>('SELECT version FROM effect WHERE key = $1 ORDER BY place', [key])
    .then((rows) => rows.map(({ version }) => Number(version)));
const context = () => ({ id: randomUUID(), now: new Date(), headers: { 'correlation-id': 'c1' } });
const created = (productId: string, version: number) =>
  Created.create(ProductCreated.fromPartial({ productId, version: BigInt(version) }), context());
const save = (productId: string, version: number) =>
  db.transaction(async (tx) => tx.publish(created(productId, version)));
const quick = { logger, backoffMs: () => 20, maxDeliveries: 3 };

/** Whether an event of this version got as far as the outbox or the bus. */
async function isSaved(key: string, version: number): Promise<boolean> {
  const values = [key, Buffer.from(created(key, version).payload)];
  const outbox = await server.query('SELECT FROM outbox WHERE key = $1 AND payload = $2', values);
  const published = await driver.server.query('SELECT FROM bus.message WHERE key = $1 AND payload = $2', values);
  return outbox.length + published.length > 0;
}

it('has each effect once, and in order, although connections are lost all the time', async () => {
  const chain = consumer<unknown>('chain', [
    on(Created, async ({ productId, version }, tx, { headers }) => {
      await sql`INSERT INTO effect (key, version) VALUES (${`first ${productId}`}, ${version})`.execute(tx.sql);
      const next = ProductUpdated.fromPartial({ productId, title: String(version) });
      tx.publish(Updated.create(next, { ...context(), headers }));
    }),
    on(Updated, async ({ productId, title }, tx, { headers }) => {
      expect(headers['correlation-id']).toBe('c1');
      await sql`INSERT INTO effect (key, version) VALUES (${`second ${productId}`}, ${title}::bigint)`.execute(tx.sql);
    }),
  ]);
  const started = startConsumer(bus, db, chain, quick);
  startConsumer(another, db, chain, quick);
  const count = async () => (await server.query('SELECT FROM effect')).length;
  let disturbing = true;
  const disturbed = (async () => {
    for (const round of upTo(8)) {
      const before = await count();
      await eventually(async () => (await count()) > before);
      await (round % 2 ? server : driver.server).disconnectAll();
    }
  })().finally(() => {
    disturbing = false;
  });
  const keys = KEYS.slice(0, 5);
  let last = 0;
  for (; disturbing; last++) {
    // A save whose connection was lost may have taken place all the same.
    const saved = (key: string) =>
      eventually(async () => (await isSaved(key, last)) || save(key, last).then(() => true));
    await Promise.all(keys.map(saved));
  }
  await disturbed;
  await eventually(async () => (await count()) >= 2 * keys.length * last, 25_000);
  await eventually(async () => (await relay.backlog()) + (await started.lag()) === 0, 25_000);
  for (const key of keys) {
    expect(await effects(`first ${key}`)).toEqual(upTo(last));
    expect(await effects(`second ${key}`)).toEqual(upTo(last));
  }
  expect(await bus.deadLetters()).toEqual([]);
}, 60_000);

it('has no effect and publishes nothing when the handler fails, and both once a dead letter is given again', async () => {
  let broken = true;
  const metas: EventMeta[] = [];
  const failing = consumer<unknown>('failing', [
    on(Created, async ({ productId, version }, tx, meta) => {
      metas.push(meta);
      await sql`INSERT INTO effect (key, version) VALUES (${productId}, ${version})`.execute(tx.sql);
      tx.publish(Updated.create(ProductUpdated.fromPartial({ productId }), context()));
      if (broken) throw new Error('broken');
    }),
  ]);
  const started = startConsumer(bus, db, failing, quick);
  await save('a', 1);
  const [letter] = await eventually(async () => {
    const letters = await bus.deadLetters('failing');
    expect(letters).toHaveLength(1);
    return letters;
  });
  expect(metas.map(({ deliveries }) => deliveries)).toEqual([1, 2, 3]);
  expect(metas[0]).toMatchObject({ type: Created.type, key: 'a', consumer: 'failing' });
  expect(await effects('a')).toEqual([]);
  broken = false;
  await bus.redrive(letter?.letter ?? '');
  await eventually(async () => (await effects('a')).length === 1);
  await eventually(async () => (await driver.server.query('SELECT FROM bus.message')).length === 2);
  await eventually(async () => (await started.lag()) === 0);
});

it('waits for its own database, and buries what it cannot read at once', async () => {
  const gone = new URL(server.url);
  gone.port = '1';
  const nowhere = openDatabase<unknown>({ url: gone.href, name: 'nowhere', logger });
  const seen: string[] = [];
  const patient = consumer<unknown>('patient', [on(Created, async () => undefined)]);
  const around = async (meta: EventMeta, next: () => Promise<void>) => {
    seen.push(meta.id);
    await next();
  };
  const waiting = startConsumer(bus, nowhere, patient, { ...quick, around });
  await save('a', 1);
  await eventually(() => seen.length > 3);
  expect(await bus.deadLetters()).toEqual([]);
  await waiting.stop();
  await bus.publish([{ ...numbered('a', 1, Created.type), payload: Buffer.from([0xff, 0xff]) }]);
  const started = startConsumer(bus, db, patient, quick);
  await eventually(async () => (await started.lag()) === 0);
  const letters = await bus.deadLetters();
  expect(letters.map(({ error, deliveries }) => [error, deliveries])).toEqual([
    [expect.stringContaining('Unreadable: not a weft.catalog.v1.ProductCreated'), 1],
  ]);
  await nowhere.close();
});
