import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts';
import { MODES, openShop, orderOf, type Shop, STYLES, styled } from './shop.ts';

const SCHEMA = join(import.meta.dirname, '../../docs/telemetry.json');
const { traces } = JSON.parse(readFileSync(SCHEMA, 'utf8')) as {
  traces: { order: Readonly<Record<string, readonly string[]>> };
};
const KINDS = ['', '', 'serves', 'calls', 'sends', 'handles'];

/** What a span is, with nothing of it that differs from one order to the next. */
function labelOf({ service, name, kind, attributes }: ReceivedSpan): string {
  if (attributes['db.system.name']) return `${service} asks its database`;
  const what = name.replace(/^(send|process) /, '').replace(/_choreographed$/, '');
  return [service, KINDS[kind], what].filter(Boolean).join(' ');
}

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  let collector: Collector;
  beforeAll(async () => {
    collector = await startCollector();
    shop = await openShop(mode, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, TRACE_PERCENT: '100' });
  }, 120_000);
  afterAll(async () => {
    await shop?.booted.stop();
    await collector?.stop();
  });

  /** The trace of the order once it is whole: nothing new has come for a while, and everything has its parent. */
  async function traceOf(orderId: string): Promise<ReceivedSpan[]> {
    let seen = 0;
    return eventually(async () => {
      const first = collector.spans.find(
        ({ kind, attributes }) => kind === 4 && attributes['cloudevents.event_subject'] === orderId,
      );
      const trace = collector.spans.filter(({ traceId }) => traceId === first?.traceId);
      const ids = new Set(trace.map(({ spanId }) => spanId));
      const orphans = trace.filter(({ parentSpanId }) => parentSpanId !== '' && !ids.has(parentSpanId));
      const before = seen;
      seen = trace.length;
      const done = trace.some(({ name }) => name === 'process weft.orders.v1.order_completed');
      if (trace.length === 0 || !done || orphans.length > 0 || before !== seen) {
        await new Promise((resolve) => setTimeout(resolve, 1500));
        throw new Error(`${trace.length} of ${collector.spans.length} spans, without parents: ${orphans.map(labelOf)}`);
      }
      return trace;
    }, 40_000);
  }

  it.each(STYLES)(
    'an order of the style %s is one trace with one root, without an orphan, and has the edges that are documented',
    async (style) => {
      const buyer = await shop.customer();
      const productId = await shop.product();
      const { order } = await buyer.orders.placeOrder(styled(style, orderOf(productId)));
      const orderId = order?.orderId ?? '';
      await shop.ended(orderId);
      await shop.booted.settle(20_000);
      const trace = await traceOf(orderId);
      const byId = new Map(trace.map((span) => [span.spanId, span]));
      expect(trace.filter(({ parentSpanId }) => !byId.has(parentSpanId)).map(labelOf)).toEqual([
        'orders serves weft.orders.v1.OrdersService/PlaceOrder',
      ]);
      const edges = trace.flatMap((span) => {
        const parent = byId.get(span.parentSpanId);
        return parent ? [`${labelOf(parent)} -> ${labelOf(span)}`] : [];
      });
      if (process.env.SHOW_EDGES) console.log(JSON.stringify([...new Set(edges)].sort(), null, 2));
      expect([...new Set(edges)].sort()).toEqual([...(traces.order[style] ?? [])].sort());
      const handled = trace.filter(({ kind }) => kind === 5);
      expect(handled.every(({ links, parentSpanId }) => links[0] === parentSpanId)).toBe(true);
      const saga = trace.filter(({ name }) => name === 'saga place-order');
      expect(saga.every(({ attributes }) => attributes['weft.order.id'] === orderId)).toBe(true);
      expect(
        new Set(trace.filter(({ kind }) => kind === 2).map((one) => one.attributes['weft.correlation_id'])).size,
      ).toBe(1);
    },
    90_000,
  );
});
