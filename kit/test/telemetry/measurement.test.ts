import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createMetrics, measurement } from '@weft/kit/telemetry';
import { type OpsServer, startOpsServer } from '../../src/module/ops-server.ts';

let metrics: ReturnType<typeof createMetrics>;
let ops: OpsServer;
beforeEach(async () => {
  metrics = createMetrics('1');
  ops = await startOpsServer('127.0.0.1', 0, metrics);
});
afterEach(async () => {
  await ops.stop();
  await metrics.stop();
});

async function told(name: string): Promise<string[]> {
  const text = await (await fetch(`http://127.0.0.1:${ops.port}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}\\{.*?service_name="(\\w+)".*\\} (\\S+)`, 'gm'))].map(
    ([, service, value]) => `${service} ${value}`,
  );
}

it('a value that has not been measured for a minute is not believed any more, and since when it has not been is', async () => {
  let now = 0;
  const away = new Error('the database is away');
  const measuring = measurement(metrics.meter, 'orders', 'sizes', () => now);
  const size = measuring.gauge('weft.test.size');
  const look = (value: number) => measuring.run(async () => size.record(value));
  expect(await told('weft_test_size')).toEqual([]);
  await look(7);
  now = 50_000;
  await expect(measuring.run(() => Promise.reject(away))).rejects.toThrow(away);
  expect(await told('weft_test_size')).toEqual(['orders 7']);
  now = 61_000;
  expect(await told('weft_test_size')).toEqual(['orders NaN']);
  expect(await told('weft_measurement_age')).toEqual(['orders 61']);
  await look(8);
  expect([await told('weft_test_size'), await told('weft_measurement_age')]).toEqual([['orders 8'], ['orders 0']]);
  measuring.stop();
  now = 90_000;
  expect(await told('weft_measurement_age')).toEqual(['orders 0']);
});

it('of several services in one process each is measured by itself', async () => {
  let now = 0;
  const [orders, users] = ['orders', 'users'].map((service) => {
    const measuring = measurement(metrics.meter, service, 'sizes', () => now);
    return { measuring, gauge: measuring.gauge('weft.test.size') };
  });
  for (const one of [orders, users]) await one?.measuring.run(async () => one.gauge.record(1));
  now = 40_000;
  await users?.measuring.run(async () => users.gauge.record(2));
  now = 61_000;
  expect(await told('weft_test_size')).toEqual(['orders NaN', 'users 2']);
});
