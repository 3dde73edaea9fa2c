import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { migrate, openDatabase } from '@weft/kit/store';
import { createLogger } from '@weft/kit/telemetry';
import { type TestDatabase, testDatabase } from '@weft/kit/testing';
import { migrations } from '../src/store/migrations.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase('orders');
});
afterEach(() => database.drop());

async function migrateTo(count: number): Promise<void> {
  const logger = createLogger({ level: 'silent', pretty: false });
  const opened = openDatabase({ url: database.url, name: 'orders', logger });
  await migrate(opened, migrations.slice(0, count));
  await opened.close();
}

it('tells the payment of orders that are there already from what became of them', async () => {
  await migrateTo(2);
  const expected: [string, number, string][] = [
    ['placed', 0, 'pending'],
    ['cancelling', 0, 'pending'],
    ['confirmed', 0, 'captured'],
    ['completed', 0, 'captured'],
    ['completed', 40, 'partially-refunded'],
    ['completed', 100, 'refunded'],
    ['rejected', 0, 'voided'],
    ['cancelled', 0, 'voided'],
    ['cancelled', 100, 'refunded'],
  ];
  for (const [status, refunded, payment] of expected) {
    await database.query(`INSERT INTO orders VALUES ($1, $2, $3, $4, 'GBP', 100, $5, 2, now(), now())`, [
      randomUUID(),
      randomUUID(),
      status,
      payment,
      refunded,
    ]);
  }
  await migrateTo(3);
  const orders = await database.query<{ reason: string; payment: string }>('SELECT reason, payment FROM orders');
  expect(orders).toHaveLength(expected.length);
  for (const { reason, payment } of orders) expect(payment).toBe(reason);
});

it('completes orders that were confirmed before there were shipments, and leaves the others as they are', async () => {
  await migrateTo(1);
  const ids = new Map<string, string>();
  for (const status of ['placed', 'confirmed', 'returning', 'rejected', 'cancelling', 'cancelled']) {
    const orderId = randomUUID();
    ids.set(orderId, status);
    await database.query(
      `INSERT INTO orders VALUES ($1, $2, $3, '', 'GBP', 100, 0, 2, now(), now() - interval '1 day')`,
      [orderId, randomUUID(), status === 'returning' ? 'confirmed' : status],
    );
    if (status === 'returning') {
      const sql = `INSERT INTO order_return VALUES ($1, $2, 'requested', '{p}', '{1}', 50, now(), NULL)`;
      await database.query(sql, [randomUUID(), orderId]);
    }
  }
  await migrateTo(2);
  const orders = await database.query<{ order_id: string; status: string; version: string; delivery_method: string }>(
    'SELECT * FROM orders',
  );
  expect(new Set(orders.map(({ order_id, status, version }) => `${ids.get(order_id)}: ${status} ${version}`))).toEqual(
    new Set([
      'placed: placed 2',
      'confirmed: completed 3',
      'returning: completed 3',
      'rejected: rejected 2',
      'cancelling: cancelling 2',
      'cancelled: cancelled 2',
    ]),
  );
  expect(new Set(orders.map(({ delivery_method }) => delivery_method))).toEqual(new Set(['pick-up']));
  const changes = await database.query<{ order_id: string; settled: boolean; version: string; status: string }>(
    'SELECT * FROM order_change',
  );
  expect(
    new Set(changes.map(({ order_id, ...one }) => `${ids.get(order_id)}: ${one.status} ${one.version} ${one.settled}`)),
  ).toEqual(new Set(['confirmed: completed 3 true', 'returning: completed 3 false']));
});
