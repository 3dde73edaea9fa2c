import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { pino } from 'pino';
import { openRegistry } from '../../src/discovery/index.ts';
import { openJetStreamBus, permissionsOf } from '../../src/events/jetstream/index.ts';
import { numbered, TYPE } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { startNats, type TestNats } from '../../src/testing/nats.ts';
import { describeJetStream } from './drivers.ts';

const route = (owner: string, subject: string, consumers: string[]) => {
  return { owner, subject, choreographedSubject: '', consumers };
};
const ROUTES = [
  route('test', TYPE, ['reader.all', 'other.all', 'follower']),
  route('secret', 'weft.secret.v1.told', ['test.secrets']),
];

describeJetStream('a user of the broker with the permissions of a service', () => {
  let folder: string;
  let nats: TestNats;
  let reader: NatsConnection;
  const url = (user: string) => `nats://${user}:pass-of-${user}@127.0.0.1:${nats.port}`;
  const bus = (user: string) =>
    openJetStreamBus({ url: url(user), name: user, services: [user], logger: pino({ level: 'silent' }) });
  beforeAll(async () => {
    const users = ['test', 'secret', 'reader', 'follower', 'mute'].map((user) => {
      // As the charts of a version before notices have it.
      const permitted = (subjects: readonly string[]) =>
        user === 'mute' ? subjects.filter((subject) => !subject.startsWith('weft_notices')) : subjects;
      const { publish: all, subscribe: heard } = permissionsOf(user, ROUTES);
      const [publish, subscribe] = [permitted(all), permitted(heard)];
      const permissions = { publish: { allow: publish }, subscribe: { allow: subscribe } };
      return { user, password: `pass-of-${user}`, permissions };
    });
    folder = await mkdtemp(join(tmpdir(), 'weft-permissions-'));
    await writeFile(join(folder, 'nats.conf'), JSON.stringify({ authorization: { users } }));
    nats = await startNats(['--config', join(folder, 'nats.conf')]);
    for (const user of ['test', 'secret']) {
      const owner = bus(user);
      await eventually(() => owner.check().then(() => true));
      await owner.close();
    }
    reader = await connect({
      servers: url('reader'),
      user: 'reader',
      pass: 'pass-of-reader',
      inboxPrefix: '_INBOX.reader',
    });
  }, 30_000);
  afterAll(async () => {
    await reader?.close();
    await nats?.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('reads what the contract names the service for', async () => {
    const owner = bus('test');
    const other = bus('reader');
    const handled: string[] = [];
    const consumer = other.consume({
      name: 'reader.all',
      types: [TYPE],
      handle: async ({ key }) => void handled.push(key),
    });
    await owner.publish([numbered('a', 1)]);
    await eventually(() => handled.length === 1);
    await other.replay('reader.all', new Date(0));
    await eventually(() => handled.length === 2);
    await consumer.stop();
    await Promise.all([owner.close(), other.close()]);
  });

  it('has what its consumer gave up for itself, and given to it again', async () => {
    const owner = bus('test');
    const other = bus('reader');
    let broken = true;
    const consumer = other.consume({
      name: 'reader.all',
      types: [TYPE],
      maxDeliveries: 2,
      backoffMs: () => 20,
      handle: async () => {
        if (broken) throw new Error('not yet');
      },
    });
    await owner.publish([numbered('b', 1)]);
    await eventually(async () => (await other.countDeadLetters('reader.all')) === 1);
    broken = false;
    const [letter] = await other.deadLetters('reader.all');
    await other.redrive(letter?.letter ?? '');
    await eventually(async () => (await other.countDeadLetters('reader.all')) === 0);
    await consumer.stop();
    await Promise.all([owner.close(), other.close()]);
  });

  it('follows what the contract names the service for without a consumer', async () => {
    const [owner, other] = [bus('test'), bus('follower')];
    await owner.publish([numbered('c', 1)]);
    const ended = new AbortController();
    const seen = Promise.withResolvers<string>();
    const following = (async () => {
      for await (const { key } of other.tail({ types: [TYPE], from: new Date(0), signal: ended.signal }))
        seen.resolve(key);
    })();
    await seen.promise;
    ended.abort();
    await following;
    await Promise.all([owner.close(), other.close()]);
  });

  it('tells all others what is kept nowhere, and hears of it', async () => {
    const [teller, listener] = [bus('test'), bus('follower')];
    const heard: string[] = [];
    listener.onNotice('weather', (text) => void heard.push(text));
    await eventually(() => {
      teller.notify('weather', 'rain');
      return heard.length > 0;
    });
    await Promise.all([teller.close(), listener.close()]);
  });

  it('who may tell nobody is told so once by the broker, and says no more', async () => {
    const lines: string[] = [];
    const listening = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    const silenced = openJetStreamBus({ url: url('mute'), name: 'mute', services: ['mute'], logger: listening });
    await eventually(() => silenced.check().then(() => true));
    await eventually(() => {
      for (let n = 0; n < 10; n++) silenced.notify('weather', 'rain');
      return lines.some((line) => line.includes('weft_notices'));
    });
    for (let n = 0; n < 50; n++) silenced.notify('weather', 'rain');
    await silenced.check();
    expect(lines.filter((line) => line.includes('weft_notices')).length).toBeLessThanOrEqual(2);
    await silenced.close();
  });

  it('says which versions of events it was built with, its own and those that it is told of', async () => {
    const [owner, other] = [bus('test'), bus('reader')];
    const schema = (type: string) => {
      return { type, message: 'Counted', fingerprint: '0'.repeat(64), descriptors: Buffer.from('x') };
    };
    await owner.registerSchemas('test', [schema(TYPE)], []);
    await other.registerSchemas(
      'reader',
      [schema('weft.reader.v1.read')],
      [{ ...schema(TYPE), fingerprint: '1'.repeat(64) }],
    );
    const uses = (await other.schemas()).map(({ type, publishers, readers }) => [type, publishers, readers]);
    expect(uses.toSorted()).toEqual([
      ['weft.reader.v1.read', ['reader'], []],
      [TYPE, [], ['reader']],
      [TYPE, ['test'], []],
    ]);
    await Promise.all([owner.close(), other.close()]);
  });

  it('is in the registry of services, and sees the others there', async () => {
    const open = (user: string) =>
      openRegistry({ url: url(user), name: user, logger: pino({ level: 'silent' }), ttl: 10_000, pollEvery: 200 });
    const [mine, others] = [await open('reader'), await open('test')];
    let found: readonly string[] = [];
    mine.watch('test', (addresses) => {
      found = addresses;
    });
    const registration = await others.register('test', '10.0.0.1:50051');
    await eventually(() => expect(found).toEqual(['10.0.0.1:50051']));
    await registration.deregister();
    await eventually(() => expect(found).toEqual([]));
    await Promise.all([mine.close(), others.close()]);
  });

  describe('is refused', () => {
    const request = (subject: string, body = '{}') => reader.request(subject, body, { timeout: 5_000 });

    it.each([
      ['to publish another service’s event', 'weft.test.v1.numbered.a'],
      ['to empty a stream', '$JS.API.STREAM.PURGE.weft_test'],
      ['to delete a stream', '$JS.API.STREAM.DELETE.weft_test'],
      ['to delete a message', '$JS.API.STREAM.MSG.DELETE.weft_test'],
      ['to change the stream of a service whose events it is not told of', '$JS.API.STREAM.UPDATE.weft_secret'],
      ['to read a message of such a service', '$JS.API.STREAM.MSG.GET.weft_secret'],
      ['to have a consumer of such a service', '$JS.API.CONSUMER.CREATE.weft_secret.mine'],
      ['to say where another service is', '$KV.weft_registry.test.x'],
      ['to make a stream of its own', '$JS.API.STREAM.CREATE.mine'],
      ['to change another’s consumer', '$JS.API.CONSUMER.DURABLE.CREATE.weft_test.other~all-0'],
      ['to change another’s consumer by its name', '$JS.API.CONSUMER.CREATE.weft_test.other~all-0'],
      ['to move another’s consumer', '$JS.API.CONSUMER.RESET.weft_test.other~all-0'],
      ['to take what is for another’s consumer', '$JS.API.CONSUMER.MSG.NEXT.weft_test.other~all-0'],
      ['to acknowledge what is for another’s consumer', '$JS.ACK.weft_test.other~all-0.1.1.1.1.0'],
      ['to take what another’s consumer is to handle again', '$JS.API.CONSUMER.MSG.NEXT.weft_dead_letters.other~all'],
      ['to write a dead letter of another’s consumer', 'weft_dead_letters.other~all.test.1'],
      ['to say how often another’s consumer was given an event', 'weft_attempts.other~all.test.1'],
      ['to say what another service was built with', '$KV.weft_schemas.use.test'],
      ['to write a version of an event that it is not told of', '$KV.weft_schemas.version.weft.secret.v1.told.x'],
      ['to change the bucket of versions', '$JS.API.STREAM.UPDATE.KV_weft_schemas'],
    ])('%s', async (_, subject) => {
      await expect(request(subject)).rejects.toThrow(`Permissions Violation for Publish to "${subject}"`);
    });

    it.each(['weft.>', '_INBOX.>', '_INBOX.test.>', '>'])('to listen to %s', async (subject) => {
      const heard = Promise.withResolvers<Error | null>();
      reader.subscribe(subject, { callback: (error) => heard.resolve(error) });
      expect(await heard.promise).toMatchObject({ operation: 'subscription', subject });
    });

    it('with a wrong password', async () => {
      await expect(connect({ servers: url('test'), user: 'test', pass: 'guessed' })).rejects.toThrow(/authori/i);
    });
  });

  it('sees what the broker tells everybody of its streams, without what they hold', async () => {
    const manager = await jetstreamManager(reader, { checkAPI: false });
    expect((await manager.streams.info('weft_secret')).config.name).toBe('weft_secret');
  });
});
