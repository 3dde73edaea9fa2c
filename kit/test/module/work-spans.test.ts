import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { contextHeaders, ORDER_HEADER } from '@weft/kit/context';
import { formatTraceparent, newTrace } from '@weft/kit/telemetry';
import { consumerSpan, workSpans } from '../../src/module/work-spans.ts';
import { recordingTracing } from '../rpc/stage.ts';

/** What an event of an order has, at the length that such things have. */
function delivery(traceparent: string) {
  const order = randomUUID();
  return {
    id: randomUUID(),
    type: 'weft.shipping.v1.shipment_delivery_address_changed',
    key: order,
    headers: { traceparent, 'correlation-id': randomUUID(), [ORDER_HEADER]: order },
    deliveries: 1,
    publishedAt: new Date(),
    consumer: 'notifications.shipments-of-choreographed-orders',
  };
}

describe('work that no call waits for, of a trace that is not sampled', () => {
  it('is recorded whole when the trace is wanted after all', async () => {
    const { tracing, spans } = recordingTracing('shop', 0);
    const work = workSpans(tracing);
    const cause = newTrace(false);
    const event = delivery(formatTraceparent(cause));
    await consumerSpan(work)(event, async () => {
      const ids = { 'weft.saga.id': randomUUID(), 'weft.order.id': event.key };
      await work.run({ name: 'saga place-order', headers: contextHeaders(), ids }, async () => undefined);
    });
    expect(spans).toEqual([]);

    tracing.want(cause, 'failure');
    const [consumed, saga] = spans.sort((one, other) => other.kind - one.kind);
    expect(spans).toHaveLength(2);
    expect(consumed).toMatchObject({
      name: `process ${event.type}`,
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.message.id': event.id,
        'messaging.destination.name': event.type,
        'messaging.consumer.group.name': event.consumer,
        'cloudevents.event_subject': event.key,
        'weft.order.id': event.key,
        'weft.correlation_id': event.headers['correlation-id'],
      },
      parentSpanContext: { traceId: cause.traceId, spanId: cause.spanId },
      links: [{ context: { traceId: cause.traceId, spanId: cause.spanId } }],
    });
    expect(saga).toMatchObject({
      name: 'saga place-order',
      kind: SpanKind.INTERNAL,
      parentSpanContext: { spanId: consumed?.spanContext().spanId },
      links: [],
    });
  });

  it('is recorded when it fails, and when it is slow', async () => {
    const { tracing, spans } = recordingTracing('shop', 0);
    const { run } = workSpans({ ...tracing, slowAfter: 5 });
    const work = { name: 'work', headers: {} };
    await run(work, async () => undefined);
    const failed = run(work, async () => {
      throw new TypeError('no');
    });
    await expect(failed).rejects.toThrow('no');
    const until = performance.now() + 5;
    await run(work, async () => {
      while (performance.now() < until);
    });
    expect(spans.map(({ attributes }) => attributes['error.type'])).toEqual(['TypeError', undefined]);
  });
});
