import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts';
import { documentedEdges, edgesOf, labelOf, oddAttributesOf, rootsOf, traceOf } from './order-trace.ts';
import { MODES, openShop, orderOf, type Shop, STYLES, type Style, styled } from './shop.ts';

const PLACE_ORDER = 'weft.orders.v1.OrdersService/PlaceOrder';

/** The trace of the order once it is whole, and nothing new has come for a while. */
async function wholeTraceOf(orderId: string, { spans }: Collector): Promise<ReceivedSpan[]> {
  let seen = 0;
  return eventually(async () => {
    const before = seen;
    seen = spans.length;
    try {
      if (before !== seen) throw new Error(`${seen - before} spans more`);
      return traceOf(orderId, spans);
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      throw error;
    }
  }, 40_000);
}

/** Places an order by REST, as a shop does, and waits for its end. */
async function complete(shop: Shop, style: Style, paymentMethodToken = 'tok_approved'): Promise<string> {
  const { token } = await shop.customer();
  const { lines, ...order } = { ...styled(style, orderOf(await shop.product())), paymentMethodToken };
  const answer = await fetch(`${shop.booted.http('gateway')}/api/v2/orders`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...order, lines: lines.map((line) => ({ ...line, quantity: String(line.quantity) })) }),
  });
  const said = (await answer.json()) as { order: { orderId: string } };
  expect([answer.status, said]).toEqual([202, said]);
  await shop.ended(said.order.orderId);
  await shop.booted.settle(20_000);
  return said.order.orderId;
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

  it.each(STYLES)(
    'an order of the style %s is one trace with one root, without an orphan, and has the edges that are documented',
    async (style) => {
      const orderId = await complete(shop, style);
      const trace = await wholeTraceOf(orderId, collector);
      expect(rootsOf(trace).map(labelOf)).toEqual([`gateway serves ${PLACE_ORDER}`]);
      expect(edgesOf(trace)).toEqual([...(documentedEdges[style] ?? [])].sort());
      const handled = trace.filter(({ kind }) => kind === 5);
      expect(handled.every(({ links, parentSpanId }) => links[0] === parentSpanId)).toBe(true);
      const saga = trace.filter(({ name }) => name === 'saga place-order');
      expect(saga.every(({ attributes }) => attributes['weft.order.id'] === orderId)).toBe(true);
      expect(trace.flatMap(oddAttributesOf)).toEqual([]);
      expect(new Set(trace.map(({ attributes }) => attributes['weft.correlation_id'])).size).toBe(1);
      const named = trace.filter(
        ({ name, kind, attributes }) =>
          name === PLACE_ORDER || kind === 5 || attributes['cloudevents.event_subject'] === orderId,
      );
      expect(named.filter(({ attributes }) => attributes['weft.order.id'] !== orderId).map(labelOf)).toEqual([]);
      expect(rootsOf(trace)[0]?.attributes).toMatchObject({
        'http.request.method': 'POST',
        'http.route': '/api/v2/orders',
        'http.response.status_code': '202',
      });
    },
    90_000,
  );
});

describe.each(MODES)('%s, where nothing is sampled', (mode) => {
  let shop: Shop;
  let collector: Collector;
  beforeAll(async () => {
    collector = await startCollector();
    const observed = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, TRACE_PERCENT: '0', TRACE_SLOW_MS: '60000' };
    shop = await openShop(mode, observed);
  }, 120_000);
  afterAll(async () => {
    await shop?.booted.stop();
    await collector?.stop();
  });

  it.each(STYLES)(
    'an order of the style %s of which one step failed on the way is one trace all the same, from the gateway to the end',
    async (style) => {
      const orderId = await complete(shop, style, 'tok_capture_timeout');
      const trace = await wholeTraceOf(orderId, collector);
      expect(rootsOf(trace).map(labelOf)).toEqual([`gateway serves ${PLACE_ORDER}`]);
      expect(trace.flatMap(oddAttributesOf)).toEqual([]);
      const edges = edgesOf(trace);
      expect((documentedEdges[style] ?? []).filter((edge) => !edges.includes(edge))).toEqual([]);
    },
    90_000,
  );
});
