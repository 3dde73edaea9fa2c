import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getOption, hasOption } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { event as eventPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { type Permissions, readerOf } from '@weft/kit/events/jetstream';
import { hasNats, startNats, type TestNats } from '@weft/kit/testing';
import { parse } from 'yaml';
import { messages } from '../contract/contracts.ts';
import { paidAndRefused } from './order-flows.ts';
import { openShop, type Shop, STYLES } from './shop.ts';

const NAMES = services.map(({ spec }) => spec.name);
const routes = messages
  .filter((message) => hasOption(message, eventPolicy))
  .map((message) => getOption(message, eventPolicy));
const keeping = services.filter(({ spec }) => spec.migrations).map(({ spec }) => spec.name);
const passwordOf = (service: string) => `only-${service}-knows`;

(hasNats ? describe : describe.skip)('a broker that knows each service, and what its contract permits it', () => {
  let nats: TestNats;
  let shop: Shop;
  const log = join(process.env.WEFT_TEST_FOLDER ?? '/tmp', 'nats-users.log');
  const urlOf = (service: string) => `nats://${service}:${passwordOf(service)}@127.0.0.1:${nats.port}`;
  beforeAll(async () => {
    const users = await Promise.all(
      NAMES.map(async (service) => {
        const file = join(import.meta.dirname, `../../charts/backing/files/nats/${service}.yaml`);
        const permissions: Permissions = parse(await readFile(file, 'utf8'));
        return { user: service, password: passwordOf(service), permissions };
      }),
    );
    const file = join(process.env.WEFT_TEST_FOLDER ?? '/tmp', 'nats-users.conf');
    await writeFile(file, JSON.stringify({ authorization: { users } }));
    nats = await startNats(['--config', file, '--log', log]);
    const urls = NAMES.map((service) => [`${service.toUpperCase()}_NATS_URL`, urlOf(service)]);
    shop = await openShop('split', Object.fromEntries(urls));
  }, 120_000);
  afterAll(async () => {
    await shop?.booted.stop();
    await nats?.drop();
  });

  describe.each(STYLES)('an order that is %s', (style) => {
    paidAndRefused(() => shop, style);
  });

  it('lets operators see and do what they could without', async () => {
    for (const service of keeping) {
      const operations = shop.eventOperations(service);
      const { consumers } = await operations.listConsumers({});
      for (const { name } of consumers)
        await operations.replayConsumer({ consumer: name, fromTime: { seconds: 0n, nanos: 0 } });
      await operations.listDeadLetters({ consumer: '' });
    }
  });

  it('has every consumer that runs handle what its contract names it for, and nothing else', async () => {
    const runs = await Promise.all(
      keeping.map(async (service) => (await shop.eventOperations(service).listConsumers({})).consumers),
    );
    const handled = runs
      .flat()
      .flatMap(({ name, types }) => types.map((type) => `${name} <- ${type.replace(/_choreographed$/, '')}`));
    const named = routes.flatMap(({ subject, consumers }) =>
      consumers.filter((consumer) => consumer.includes('.')).map((consumer) => `${consumer} <- ${subject}`),
    );
    expect([...new Set(handled)].sort()).toEqual(named.sort());
  });

  it('has every service read what its contract names it for, and nothing else', async () => {
    const { schemas } = await shop.eventOperations('orders').listSchemas({});
    const read = schemas.flatMap(({ type, readers }) =>
      readers.map((reader) => `${reader} <- ${type.replace(/_choreographed$/, '')}`),
    );
    const permitted = routes.flatMap(({ subject, consumers }) =>
      consumers.map((consumer) => `${readerOf(consumer)} <- ${subject}`),
    );
    expect([...new Set(read)].sort()).toEqual(permitted.sort());
  });

  it('refused nobody anything that they asked for', async () => {
    const refused = (await readFile(log, 'utf8')).split('\n').filter((line) => line.includes('Violation'));
    expect(refused).toEqual([]);
  });
});
