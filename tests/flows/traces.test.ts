import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts';
import { documentedEdges, edgesOf, labelOf, rootsOf, traceOf } from './order-trace.ts';
import { MODES, openShop, orderOf, type Shop, STYLES, styled } from './shop.ts';

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

  /** The trace of the order once it is whole, and nothing new has come for a while. */
  async function wholeTraceOf(orderId: string): Promise<ReceivedSpan[]> {
    let seen = 0;
    return eventually(async () => {
      const before = seen;
      seen = collector.spans.length;
      try {
        if (before !== seen) throw new Error(`${seen - before} spans more`);
        return traceOf(orderId, collector.spans);
      } catch (error) {
        await new Promise((resolve) => setTimeout(resolve, 1500));
        throw error;
      }
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
      const trace = await wholeTraceOf(orderId);
      expect(rootsOf(trace).map(labelOf)).toEqual(['orders serves weft.orders.v1.OrdersService/PlaceOrder']);
      expect(edgesOf(trace)).toEqual([...(documentedEdges[style] ?? [])].sort());
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
