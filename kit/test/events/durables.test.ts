import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Bus } from '../../src/events/index.ts';
import { type Durable, ensureDurable, whileNobodySkips, withdraw } from '../../src/events/jetstream/durables.ts';
import { leased } from '../../src/events/jetstream/lease.ts';
import { Link } from '../../src/events/jetstream/link.ts';
import { BUCKETS } from '../../src/store/hash.ts';
import { BusFixture, KEYS, numbered, upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { logger } from './buses.ts';
import { describeJetStream, openJetStream } from './drivers.ts';

const BEHIND = 'weft-behind';
const GOES_BACK = 'weft-goes-back';
const STREAM = 'weft_test';
const ACK_WAIT_MS = 2_000;

describeJetStream('what is said of a durable consumer', () => {
  let driver: Awaited<ReturnType<typeof openJetStream>>;
  let on: BusFixture;
  let raw: NatsConnection;
  let manager: JetStreamManager;
  let links: Link[];
  beforeEach(async () => {
    driver = await openJetStream();
    on = new BusFixture(driver, await driver.open());
    raw = await connect({ servers: `127.0.0.1:${driver.server.port}` });
    manager = await jetstreamManager(raw);
    links = [];
    await on.bus.publish(KEYS.map((key) => numbered(key, 0)));
  });
  afterEach(async () => {
    await Promise.all(links.map((link) => link.stop()));
    await raw.close();
    await on.close();
  });

  /** As another process has it. */
  const link = async (): Promise<Link> => {
    const another = new Link({ url: driver.url, name: 'another', logger });
    links.push(another);
    another.start();
    await another.ready(5_000);
    return another;
  };
  const durable = (...types: string[]): Durable => ({
    consumer: 'counter',
    stream: STREAM,
    name: 'counter-0',
    filters: types.map((type) => `weft.test.v1.${type}.0.*`),
  });
  const ensure = async (...types: string[]) => ensureDurable(await link(), durable(...types), ACK_WAIT_MS);
  const config = async (name = 'counter-0') => (await manager.consumers.info(STREAM, name)).config;
  const marks = async (name?: string) => Object.keys((await config(name)).metadata ?? {}).filter(isOurs);
  const isOurs = (key: string) => key.startsWith('weft-');
  const isHeld = async (subject: string) =>
    Boolean((await manager.streams.getMessage('weft_attempts', { last_by_subj: subject }))?.string());
  /** As an instance of a version does that knows of no lease. */
  const writeMetadata = (metadata: Record<string, string>) =>
    manager.consumers.update(STREAM, 'counter-0', { metadata });

  it('keeps no mark when several processes have it go back at a time', async () => {
    const consumer = on.consume();
    await on.settled(consumer);
    const buses: Bus[] = [on.bus, await on.open(), await on.open()];
    await Promise.all(buses.map((bus) => bus.replay('counter', new Date(0))));
    for (const bucket of upTo(BUCKETS)) expect(await marks(`counter-${bucket}`)).toEqual([]);
    await on.settled(consumer);
    await eventually(() => KEYS.every((key) => on.numbers(key).length > 1));
  });

  it('has all filters of versions that come at a time, and no mark when they are there', async () => {
    const types = upTo(6).map((n) => `type${n}`);
    await ensure('counted');
    await Promise.all(types.map((type) => ensure('counted', type)));
    const filters = (await config()).filter_subjects ?? [];
    expect(filters.toSorted()).toEqual(durable('counted', ...types).filters);
    expect(await marks()).toEqual([]);
  });

  it('has one go back at a time, whose mark stays until it has', async () => {
    await ensure('counted');
    let inside = 0;
    const seen: number[] = [];
    const goBack = async () => {
      await whileNobodySkips(await link(), durable(), async () => {
        seen.push(++inside);
        for (const _ of upTo(20)) expect(await marks()).toEqual([GOES_BACK]);
        inside--;
      });
    };
    await Promise.all([goBack(), goBack(), goBack(), ensure('counted', 'ignored')]);
    expect(seen).toEqual([1, 1, 1]);
    expect((await config()).filter_subjects?.toSorted()).toEqual(durable('counted', 'ignored').filters);
    expect(await marks()).toEqual([]);
  });

  it('keeps what is to be gone back for while it goes back for another reason', async () => {
    await ensure('counted');
    await writeMetadata({ [BEHIND]: 'weft.test.v1.counted.0.*' });
    await whileNobodySkips(await link(), durable(), async () => undefined);
    expect(await marks()).toEqual([BEHIND]);
    await ensure('counted');
    expect(await marks()).toEqual([]);
  });

  it('takes a type away from it, and nothing that comes at the same time', async () => {
    await ensure('counted', 'ignored');
    const without = withdraw(await link(), durable('counted'), 'weft.test.v1.ignored.0.*');
    await Promise.all([without, ensure('counted', 'another')]);
    expect((await config()).filter_subjects?.toSorted()).toEqual(durable('another', 'counted').filters);
  });

  it('has its mark again before it goes back, when a version without leases has overwritten it', async () => {
    await ensure('counted');
    const goes = whileNobodySkips(await link(), durable(), async () => expect(await marks()).toEqual([GOES_BACK]));
    await eventually(async () => (await marks()).length === 1);
    await writeMetadata({});
    await goes;
    expect(await marks()).toEqual([]);
  });

  it('waits for a version without leases that has it go back, and no longer than that can take', async () => {
    await ensure('counted');
    await writeMetadata({ [GOES_BACK]: 'yes' });
    const goBack = async () => {
      const began = performance.now();
      await whileNobodySkips(await link(), durable(), async () => undefined);
      return performance.now() - began;
    };
    const waits = goBack();
    await eventually(() => isHeld('weft_attempts.counter.changes.weft_test.counter-0'));
    await writeMetadata({});
    expect(await waits).toBeLessThan(2_500);
    await writeMetadata({ [GOES_BACK]: 'yes' });
    expect(await goBack()).toBeGreaterThan(3_000);
    expect(await marks()).toEqual([]);
  });

  it('is changed by the next one when who was at it has died, who may not go on with it then', async () => {
    const subject = 'weft_attempts.counter.changes.x';
    const [dying, next] = [await link(), await link()];
    const dead = Promise.withResolvers<void>();
    const began = performance.now();
    let check: () => void = () => undefined;
    const held = leased(dying, subject, { leaseMs: 600 }, async (lease) => {
      check = () => lease.check();
      check();
      await dead.promise;
    });
    await eventually(() => isHeld(subject));
    await expect(leased(next, subject, { waitMs: 0 }, async () => undefined)).rejects.toThrow('not available');
    await leased(next, subject, { leaseMs: 600 }, async () => expect(check).toThrow('not available'));
    expect(performance.now() - began).toBeGreaterThan(500);
    dead.resolve();
    await held;
    await leased(next, subject, { leaseMs: 600 }, async (lease) => lease.check());
  });

  it('is had by who asks once and comes back, when its holder has died', async () => {
    const subject = 'weft_attempts.counter.changes.y';
    const [dying, next] = [await link(), await link()];
    const dead = Promise.withResolvers<void>();
    const held = leased(dying, subject, {}, () => dead.promise);
    await eventually(() => isHeld(subject));
    const seen = { seq: -1, since: 0 };
    const ask = () => leased(next, subject, { leaseMs: 600, waitMs: 0, seen }, async () => 'had');
    const began = performance.now();
    await expect(ask()).rejects.toThrow('not available');
    expect(await eventually(ask)).toBe('had');
    expect(performance.now() - began).toBeGreaterThan(500);
    dead.resolve();
    await held;
  });
});
