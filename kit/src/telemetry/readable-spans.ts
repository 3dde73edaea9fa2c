import { SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { hrTime } from './hr-time.ts';
import type { RecordSpan } from './spans.ts';

type ReadableSpan = Parameters<SpanProcessor['onEnd']>[0];

/**
 * Hands finished spans of a service to a processor of the SDK, as its tracers would: those begin a span with its work and draw
 * its ids themselves.
 */
export function readableSpans(service: string, version: string, sink: SpanProcessor): RecordSpan {
  const resource = resourceFromAttributes({
    'service.name': service,
    'service.namespace': 'weft',
    'service.version': version,
  });
  const instrumentationScope = { name: '@weft/kit', version };
  return (span) => {
    const { traceId, spanId, parentSpanId } = span.context;
    const own = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    const parent = parentSpanId === undefined ? undefined : { ...own, spanId: parentSpanId, isRemote: true };
    const readable: ReadableSpan = {
      name: span.name,
      kind: span.kind,
      spanContext: () => own,
      ...(parent && { parentSpanContext: parent }),
      startTime: hrTime(span.startTime),
      endTime: hrTime(span.endTime),
      duration: hrTime(span.endTime - span.startTime),
      status:
        span.error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: span.error },
      attributes: span.attributes,
      links: span.followsParent && parent ? [{ context: parent }] : [],
      events: [],
      ended: true,
      resource,
      instrumentationScope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
    sink.onEnd(readable);
  };
}
