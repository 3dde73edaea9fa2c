import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { migrate, openDatabase } from '@weft/kit/store';
import { createLogger } from '@weft/kit/telemetry';
import { type TestDatabase, testDatabase } from '@weft/kit/testing';
import { sagaDefinitions } from '../src/sagas/definitions.ts';
import { migrations } from '../src/store/migrations.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase('checkout');
});
afterEach(() => database.drop());

async function migrateTo(count: number): Promise<void> {
  const logger = createLogger({ level: 'silent', pretty: false });
  const opened = openDatabase({ url: database.url, name: 'checkout', logger });
  await migrate(opened, migrations.slice(0, count));
  await opened.close();
}

const OLD = {
  'place-order': ['reserve', 'authorize', 'capture', 'commit', 'confirm', 'reject'],
  'cancel-order': ['refund', 'restock', 'confirm'],
  'return-items': ['restock', 'refund', 'settle'],
};

it('gives open sagas the steps that are new, in their places, and takes them from whoever runs them', async () => {
  await migrateTo(1);
  for (const [kind, names] of Object.entries(OLD)) {
    for (const state of ['running', 'compensating', 'completed', 'compensated']) {
      const steps = names.map((name) => ({ name, state: 'done', attempts: 1, lastError: '', updatedAt: '' }));
      await database.query(
        `INSERT INTO saga VALUES ($1, $2, $1, $3, '', $4, '{}', '{}', NULL, 0, false, now(), 7, now(), now(), NULL, NULL)`,
        [randomUUID(), kind, state, JSON.stringify(steps)],
      );
    }
  }
  await migrateTo(2);
  const definitions = sagaDefinitions({} as never);
  type Row = { kind: keyof typeof OLD; state: string; steps: { name: string; state: string }[]; version: string };
  const sagas = await database.query<Row>('SELECT kind, state, steps, version FROM saga');
  expect(sagas).toHaveLength(12);
  for (const { kind, state, steps, version } of sagas) {
    const { steps: current, whenUndone } = definitions[kind];
    const now = [...current, ...(whenUndone ? [whenUndone] : [])].map(({ name }) => name);
    const open = state === 'running' || state === 'compensating';
    expect([kind, state, steps.map(({ name }) => name)]).toEqual([kind, state, open ? now : OLD[kind]]);
    const fresh = now.filter((name) => !OLD[kind].includes(name));
    for (const one of steps) expect(one.state).toBe(fresh.includes(one.name) ? 'pending' : 'done');
    expect(version).toBe(open && fresh.length > 0 ? '8' : '7');
  }
});
