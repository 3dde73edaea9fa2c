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

const ROUTES = [
  { owner: 'test', consumers: ['reader'] },
  { owner: 'secret', consumers: [] },
];

describeJetStream('a user of the broker with the permissions of a service', () => {
  let folder: string;
  let nats: TestNats;
  let reader: NatsConnection;
  const url = (user: string) => `nats://${user}:pass-of-${user}@127.0.0.1:${nats.port}`;
  const bus = (user: string) =>
    openJetStreamBus({ url: url(user), name: user, services: [user], logger: pino({ level: 'silent' }) });
  beforeAll(async () => {
    const users = ['test', 'secret', 'reader'].map((user) => {
      const { publish, subscribe } = permissionsOf(user, ROUTES);
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
