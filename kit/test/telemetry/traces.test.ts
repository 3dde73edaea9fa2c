import { describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { childOf, createTracing, newTrace } from '@weft/kit/telemetry';
import { recordingTracing } from '../rpc/stage.ts';

const work = { name: 'work', kind: SpanKind.INTERNAL, startTime: 1_700_000_000_000.25, attributes: {} };

describe('a span', () => {
  it('keeps the ids that were given out at its start', () => {
    const { tracing, spans } = recordingTracing('shop');
    const root = tracing.start();
    const child = childOf(root);
    tracing.record({ ...work, context: child, endTime: work.startTime + 5 });
    tracing.record({ ...work, context: root, endTime: work.startTime + 9 });
    const ids = spans.map((span) => [
      span.spanContext().traceId,
      span.spanContext().spanId,
      span.parentSpanContext?.spanId,
    ]);
    expect(ids).toEqual([
      [root.traceId, child.spanId, root.spanId],
      [root.traceId, root.spanId, undefined],
    ]);
  });

  it('keeps its times to the microsecond, its attributes, its links and its failure', () => {
    const { tracing, spans } = recordingTracing('shop');
    const cause = tracing.start();
    const context = childOf(cause);
    const attributes = { 'rpc.method': 'a/b' };
    const endTime = work.startTime + 1.5;
    tracing.record({ ...work, context, attributes, endTime, error: 'NOT_FOUND', followsParent: true });
    const [span] = spans;
    expect(span?.startTime).toEqual([1_700_000_000, 250_000]);
    expect(span?.endTime).toEqual([1_700_000_000, 1_750_000]);
    expect(span?.attributes).toEqual(attributes);
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'NOT_FOUND' });
    expect(span?.links.map(({ context: link }) => [link.traceId, link.spanId])).toEqual([
      [cause.traceId, cause.spanId],
    ]);
    expect(span?.resource.attributes).toMatchObject({ 'service.name': 'shop', 'service.version': '1' });
  });

  it('that is not sampled is not recorded', () => {
    const { tracing, spans } = recordingTracing();
    tracing.record({ ...work, context: newTrace(false), endTime: work.startTime });
    expect(spans).toEqual([]);
  });
});

describe('tracing', () => {
  it('samples as much as it is told to', () => {
    const share = (ratio: number) => {
      const { tracing } = recordingTracing('shop', ratio);
      return Array.from({ length: 2000 }, () => tracing.start()).filter(({ sampled }) => sampled).length;
    };
    expect(share(1)).toBe(2000);
    expect(share(0)).toBe(0);
    expect(share(0.5)).toBeGreaterThan(800);
    expect(share(0.5)).toBeLessThan(1200);
  });

  it('samples nothing where spans go nowhere', async () => {
    const tracing = createTracing({ service: 'shop', version: '1', ratio: 1, endpoint: '' });
    expect(tracing.start().sampled).toBe(false);
    tracing.record({ ...work, context: newTrace(true), endTime: work.startTime });
    await tracing.stop();
  });
});
