import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ProductCreatedSchema, ProductUpdatedSchema } from '@weft/gen/es/weft/catalog/v1/events_pb';
import { ProductCreated, ProductUpdated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { type Bus, type Delivery, defineEvent } from '../../src/events/index.ts';
import { migrate, openDatabase } from '../../src/store/index.ts';
import { upTo } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { type TestDatabase, testDatabase } from '../../src/testing/postgres.ts';
import { logger } from './buses.ts';
import { onEachBus, type TestDriver } from './drivers.ts';

const Created = defineEvent(ProductCreated, ProductCreatedSchema);
const Updated = defineEvent(ProductUpdated, ProductUpdatedSchema);
const EFFECT = {
  name: '0001-effect',
  up: 'CREATE TABLE effect (place bigint GENERATED ALWAYS AS IDENTITY, key text, version bigint)',
};
const SCRIPT = fileURLToPath(new URL('mortal-effect.ts', import.meta.url));
const FATAL = 3;

onEachBus((open) => {
  let driver: TestDriver;
  let server: TestDatabase;
  let bus: Bus;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    driver = await open();
    server = await testDatabase('effects');
    bus = await driver.open();
    const db = openDatabase({ url: server.url, name: 'test', logger });
    await migrate(db, [EFFECT]);
    await db.close();
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await bus.close();
    await driver.close();
    await server.drop();
  });

  const run = (line: string) => {
    const args = [SCRIPT, driver.kind, driver.url, server.url, line, String(FATAL)];
    child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    return child;
  };

  it.each(['begun', 'changed', 'published', 'committed'])(
    'has each effect once, and in order, when its process is killed in the handler (%s)',
    async (line) => {
      const announced: string[] = [];
      const handle = async (delivery: Delivery) => void announced.push(Updated.decode(delivery).title ?? '');
      bus.consume({ name: 'witness', types: [Updated.type], handle });
      const version = (n: number) => ProductCreated.fromPartial({ productId: 'a', version: BigInt(n) });
      await bus.publish(upTo(8).map((n) => Created.create(version(n))));
      await once(run(line), 'exit');
      run('nowhere');
      await eventually(() => announced.length === 8, 60_000);
      const rows = await server.query<{ version: string }>('SELECT version FROM effect ORDER BY place');
      expect(rows.map((row) => Number(row.version))).toEqual(upTo(8));
      expect(announced).toEqual(upTo(8).map(String));
      expect(await bus.deadLetters()).toEqual([]);
    },
    150_000,
  );
});
