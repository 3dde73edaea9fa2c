import {
  type Attributes,
  type Link,
  ROOT_CONTEXT,
  type SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  RandomIdGenerator,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { newTrace, type TraceContext } from './trace-context.ts';

/** A span as it is known when its work has ended. Times are epoch milliseconds, fractions kept. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly startTime: number;
  readonly endTime: number;
  readonly attributes: Attributes;
  readonly error?: string;
  readonly links?: readonly TraceContext[];
}

export interface Tracing {
  /** A new trace, sampled at the configured ratio. */
  start(): TraceContext;
  /** Hands a finished span on; one that is not sampled is dropped. */
  record(span: FinishedSpan): void;
  stop(): Promise<void>;
}

export interface TracingOptions {
  readonly service: string;
  readonly version: string;
  /** Share of new traces that are recorded, 0 to 1. */
  readonly ratio: number;
  /** OTLP endpoint; empty records nothing. */
  readonly endpoint: string;
  /** Where spans go instead of the endpoint, in tests. */
  readonly processor?: SpanProcessor;
}

/**
 * Spans are made when their work has ended, from what the call kept: a call that is not sampled costs no span object.
 * The ids were given out at its start, so the SDK is handed them instead of drawing its own.
 */
export function createTracing({ service, version, ratio, endpoint, processor }: TracingOptions): Tracing {
  const exporter =
    endpoint === '' ? undefined : new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  const sink = processor ?? (exporter && new BatchSpanProcessor({ exporter, maxQueueSize: 4096 }));
  const start = () => newTrace(sink !== undefined && Math.random() < ratio);
  if (!sink) return { start, record: () => {}, stop: async () => {} };

  const random = new RandomIdGenerator();
  let wanted: TraceContext | undefined;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.version': version }),
    sampler: new AlwaysOnSampler(),
    spanProcessors: [sink],
    idGenerator: {
      generateTraceId: () => wanted?.traceId ?? random.generateTraceId(),
      generateSpanId: () => wanted?.spanId ?? random.generateSpanId(),
    },
  });
  const tracer = provider.getTracer('@weft/kit');
  return {
    start,
    record(span) {
      if (!span.context.sampled) return;
      const { parentSpanId } = span.context;
      const parent = parentSpanId
        ? trace.setSpanContext(ROOT_CONTEXT, remote(span.context, parentSpanId))
        : ROOT_CONTEXT;
      const links: Link[] = (span.links ?? []).map((link) => ({ context: remote(link, link.spanId) }));
      wanted = span.context;
      const { name, kind, attributes, startTime } = span;
      const started = tracer.startSpan(name, { kind, attributes, startTime, links, root: !parentSpanId }, parent);
      wanted = undefined;
      if (span.error !== undefined) started.setStatus({ code: SpanStatusCode.ERROR, message: span.error });
      started.end(span.endTime);
    },
    stop: () => provider.shutdown(),
  };
}

function remote({ traceId, sampled }: TraceContext, spanId: string) {
  return { traceId, spanId, isRemote: true, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}
