import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { eventually, freePort, refusal } from '@weft/kit/testing';
import { MODES, openShop, orderOf, type Shop, STYLES, styled } from './shop.ts';

interface Documented {
  readonly type: string;
  /** Each with the most values that it may have in one process that runs everything. */
  readonly labels: Readonly<Record<string, number>>;
}

const SCHEMA = join(import.meta.dirname, '../../docs/telemetry.json');
const { metrics } = JSON.parse(readFileSync(SCHEMA, 'utf8')) as { metrics: Readonly<Record<string, Documented>> };

interface Scraped {
  readonly bytes: number;
  readonly milliseconds: number;
  readonly types: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
  value(name: string, labels: Readonly<Record<string, string>>): number;
}

interface Status {
  readonly services: readonly Record<string, unknown>[];
}

/** What all processes tell together; how long and how large the worst of their answers was. */
async function scrape(processes: readonly string[]): Promise<Scraped> {
  let [text, milliseconds, bytes] = ['', 0, 0];
  for (const ops of processes) {
    const start = performance.now();
    const answer = await (await fetch(`${ops}/metrics`)).text();
    milliseconds = Math.max(milliseconds, performance.now() - start);
    bytes = Math.max(bytes, Buffer.byteLength(answer));
    text += answer;
  }
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]));
  types.delete('target_info');
  const labels = new Map<string, Map<string, Set<string>>>();
  const series: { name: string; found: Record<string, string>; value: number }[] = [];
  for (const [, name = '', pairs = '', value] of text.matchAll(/^(\w+?)(?:\{(.*)\})? (\S+)(?: \d+)?$/gm)) {
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(family)) continue;
    const values = labels.get(family) ?? new Map<string, Set<string>>();
    labels.set(family, values);
    const found = Object.fromEntries(
      [...pairs.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', one = '']) => [key, one]),
    );
    series.push({ name, found, value: Number(value) });
    for (const [key, one] of Object.entries(found))
      if (key !== 'le') values.set(key, (values.get(key) ?? new Set()).add(one));
  }
  const matches = (found: Record<string, string>, wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).every(([key, one]) => found[key] === one);
  const value = (name: string, wanted: Readonly<Record<string, string>>) =>
    series.filter((one) => one.name === name && matches(one.found, wanted)).reduce((sum, one) => sum + one.value, 0);
  return { bytes, milliseconds, types, labels, value };
}

describe.each(MODES)('%s: the metrics of a shop in which orders were placed', (mode) => {
  let shop: Shop;
  beforeAll(async () => {
    // A collector that is away: what is lost is counted.
    const observed = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`, TRACE_PERCENT: '100' };
    shop = await openShop(mode, observed);
    const buyer = await shop.customer();
    const productId = await shop.product({ price: 250n });
    for (const style of STYLES) {
      const { order } = await buyer.orders.placeOrder(styled(style, orderOf(productId, 2n)));
      await shop.ended(order?.orderId ?? '');
    }
    const { order: declined } = await buyer.orders.placeOrder(orderOf(productId, 1n, 'tok_declined'));
    await shop.ended(declined?.orderId ?? '');
    await refusal(buyer.inventory.setStock({ stockCode: 'P', onHand: 1n }));
    await fetch(`${shop.booted.http('gateway')}/api/v2/products/${productId}`);
    await shop.booted.settle(20_000);
  }, 120_000);
  afterAll(() => shop?.booted.stop());

  const ops = () => [...new Set(services.map(({ spec }) => shop.booted.ops(spec.name)))];
  /** Once what is measured every few seconds has been. */
  const measured = () =>
    eventually(async () => {
      const found = await scrape(ops());
      for (const name of [
        'weft_consumer_lag',
        'weft_outbox_age',
        'weft_work_pending',
        'weft_audit_age',
        'weft_saga_age',
        'weft_part_age',
        'otel_sdk_processor_span_processed_total',
      ])
        if (!found.labels.has(name)) throw new Error(`${name} has not been measured`);
      return found;
    }, 40_000);

  it('have exactly the names, the types and the labels that are documented', async () => {
    const { types, labels } = await measured();
    if (process.env.SHOW_METRICS)
      console.log(
        JSON.stringify(
          Object.fromEntries(
            [...types].sort().map(([name, type]) => [
              name,
              {
                type,
                labels: Object.fromEntries([...(labels.get(name) ?? [])].map(([key, all]) => [key, all.size])),
              },
            ]),
          ),
          null,
          2,
        ),
      );
    const found = [...types].map(([name, type]) =>
      [name, type, ...[...(labels.get(name)?.keys() ?? [])].sort()].join(' '),
    );
    const documented = Object.entries(metrics).map(([name, one]) =>
      [name, one.type, ...Object.keys(one.labels).sort()].join(' '),
    );
    expect(found.sort()).toEqual(documented.sort());
  }, 60_000);

  it('have labels with few values, whoever comes and whatever is ordered', async () => {
    const { labels } = await measured();
    const tooMany = Object.entries(metrics).flatMap(([name, one]) =>
      Object.entries(one.labels).flatMap(([label, most]) => {
        const size = labels.get(name)?.get(label)?.size ?? 0;
        return size > most ? [`${name} ${label}: ${size} values`] : [];
      }),
    );
    expect(tooMany).toEqual([]);
    const every = [...labels.values()].flatMap((all) => [...all.values()].flatMap((values) => [...values]));
    expect(every.filter((value) => /[\da-f]{8}-[\da-f]{4}|@/.test(value))).toEqual([]);
  }, 60_000);

  it('tell what became of the orders, and what was captured', async () => {
    const { value } = await scrape(ops());
    const published = (type: string) => value('weft_events_published_total', { messaging_destination_name: type });
    expect(published('weft.orders.v1.order_completed')).toBe(2);
    expect(published('weft.orders.v1.order_rejected')).toBe(1);
    expect(published('weft.checkout.v1.saga_completed')).toBe(1);
    expect(published('weft.checkout.v1.saga_compensated')).toBe(1);
    expect(value('weft_payments_captured_total', { weft_currency: 'GBP' })).toBe(1000);
  });

  it('tell the gateway and the service that it asks apart', async () => {
    const { value } = await scrape(ops());
    const read = (service_name: string) =>
      value('rpc_server_call_duration_count', {
        service_name,
        rpc_method: 'weft.catalog.v1.CatalogService/GetProduct',
        rpc_response_status_code: 'OK',
      });
    expect([read('gateway'), read('catalog')]).toEqual([1, 1]);
  });

  it('are small, and soon there', async () => {
    // One that came while the machine was busy with something else says nothing.
    await eventually(async () => {
      const { bytes, milliseconds } = await scrape(ops());
      expect(bytes).toBeLessThan(1_000_000);
      expect(milliseconds).toBeLessThan(50);
    });
  });

  it('the status of the process names its services, their dependencies and what they have to do', async () => {
    const answers = await Promise.all(
      ops().map(async (one) => (await (await fetch(`${one}/status`)).json()) as Status),
    );
    const found = answers.flatMap(({ services }) => services);
    expect(found.map(({ name }) => name).sort()).toEqual(services.map(({ spec }) => spec.name).sort());
    for (const one of found) {
      // The gateway keeps nothing.
      const dependencies = one.name === 'gateway' ? {} : { database: 'ok', bus: 'ok' };
      expect(one).toMatchObject({ serving: true, dependencies, deadLetters: 0 });
    }
  });
});
