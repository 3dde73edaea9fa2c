import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { migrate, openDatabase } from '@weft/kit/store';
import { createLogger } from '@weft/kit/telemetry';
import { type TestDatabase, testDatabase } from '@weft/kit/testing';
import { rebuildOrders } from '../src/app/rebuild-orders.ts';
import { migrations } from '../src/store/migrations.ts';
import { orderViews } from '../src/store/order-views.ts';
import type { OrdersSchema } from '../src/store/schema.ts';

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

/** The orders that are not as their histories tell; what else there is stays as it is. */
async function wrongOrders(): Promise<number> {
  const logger = createLogger({ level: 'silent', pretty: false });
  const opened = openDatabase<OrdersSchema>({ url: database.url, name: 'orders', logger });
  const before = JSON.stringify(await database.query('SELECT * FROM orders ORDER BY 1'));
  let wrong = 0;
  for await (const { restored, different } of rebuildOrders(orderViews(opened), undefined))
    wrong += restored + different.length;
  await opened.close();
  expect(JSON.stringify(await database.query('SELECT * FROM orders ORDER BY 1'))).toBe(before);
  return wrong;
}

const history = (orderId: string) =>
  database.query<{ type: string; version: string; status: string; payment: string; known: boolean }>(
    `SELECT type, version, status, payment, payload IS NOT NULL AS known
     FROM order_events WHERE order_id = $1 ORDER BY version`,
    [orderId],
  );

it('gives orders that are there a history, which begins with them as they are', async () => {
  await migrateTo(3);
  const recorded = randomUUID();
  for (const orderId of [recorded, randomUUID()]) {
    await database.query(
      `INSERT INTO orders VALUES ($1, $2, 'completed', '', 'GBP', 700, 50, 3, now(), now(), 'address', 'partially-refunded')`,
      [orderId, randomUUID()],
    );
    await database.query(
      `INSERT INTO order_line VALUES ($1, 1, 'p', 's', '"Lamp"', 2, 50, 1), ($1, 2, 'q', 't', 'Box', 1, 600, 0)`,
      [orderId],
    );
    await database.query(
      `INSERT INTO order_return VALUES (gen_random_uuid(), $1, 'settled', '{p}', '{1}', 50, now(), now()),
        (gen_random_uuid(), $1, 'requested', '{q}', '{1}', 600, now(), NULL)`,
      [orderId],
    );
  }
  await database.query(
    `INSERT INTO order_change (order_id, version, status, reason, settled, changed_at, payment)
     VALUES ($1, 2, 'confirmed', '', false, now(), 'captured'), ($1, 3, 'completed', '', false, now(), 'captured')`,
    [recorded],
  );
  await migrateTo(migrations.length);
  expect(await wrongOrders()).toBe(0);
  const imported = { type: 'weft.orders.v1.order_imported' };
  expect(await history(recorded)).toMatchObject([
    { ...imported, version: '2', status: 'confirmed', known: false },
    { ...imported, version: '3', status: 'completed', known: true },
  ]);
});

it('keeps the history of what the version before it goes on to do meanwhile', async () => {
  await migrateTo(migrations.length);
  const orderId = randomUUID();
  await database.query(
    `WITH s0 AS (INSERT INTO orders (order_id, customer_id, status, reason, currency, total, refunded, version, created_at, updated_at)
       VALUES ($1, $1, 'placed', '', 'GBP', 100, 0, 1, now(), now())),
     s1 AS (INSERT INTO order_line VALUES ($1, 1, 'p', 's', 'Lamp', 2, 50, 0)),
     s2 AS (INSERT INTO order_change (order_id, version, status, reason, settled, changed_at)
       VALUES ($1, 1, 'placed', '', false, now())) SELECT 1`,
    [orderId],
  );
  await database.query(
    `WITH s0 AS (UPDATE orders SET status = 'confirmed', version = 2, updated_at = now() WHERE order_id = $1),
     s1 AS (INSERT INTO order_change (order_id, version, status, reason, settled, changed_at)
       VALUES ($1, 2, 'confirmed', '', false, now())) SELECT 1`,
    [orderId],
  );
  expect(await wrongOrders()).toBe(0);
  expect(await history(orderId)).toMatchObject([
    { version: '1', payment: 'pending', known: true },
    { version: '2', payment: 'captured', known: true },
  ]);
  const [change] = await database.query('SELECT * FROM order_change WHERE version = 2');
  expect(Object.keys(change ?? {})).toEqual(['order_id', 'version', 'status', 'reason', 'settled', 'changed_at']);
});

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
  await database.query(
    `INSERT INTO order_change SELECT order_id, version - 1, 'placed', reason, false, created_at FROM orders
     UNION ALL SELECT order_id, version, status, reason, true, updated_at FROM orders`,
  );
  await migrateTo(3);
  const changes = await database.query<{ reason: string; payment: string; version: string }>(
    'SELECT reason, payment, version FROM order_change',
  );
  for (const { reason, payment, version } of changes) expect(payment).toBe(version === '1' ? 'pending' : reason);
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
