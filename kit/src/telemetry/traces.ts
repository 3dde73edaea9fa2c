import type { MeterProvider } from '@opentelemetry/api';
import { BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { within } from '../time/index.ts';
import { LAST_MS } from './export-limits.ts';
import { KeptSpans, type WantedBy, type WantedFor, type WantedListener } from './kept-spans.ts';
import { readableSpans } from './readable-spans.ts';
import { type OnSending, OtlpSpanExporter } from './span-exporter.ts';
import { noteOf } from './span-shapes.ts';
import { type FinishedSpan, type NotedSpan, type RecordSpan, spanOf } from './spans.ts';
import { newTrace, type TraceContext } from './trace-context.ts';

export type { WantedFor, WantedListener } from './kept-spans.ts';
export type { FinishedSpan, NotedSpan, SpanContent } from './spans.ts';

export interface Tracing {
  /** A new trace, sampled at the configured ratio. */
  start(): TraceContext;
  /** Hands a finished span on; one that is not sampled is kept for a while, in case its trace is wanted after all. */
  record(span: FinishedSpan): void;
  /** The same, for what costs something to describe. */
  offer(span: NotedSpan): void;
  /** Has a trace recorded that was not sampled: what is kept of it, and what is still to come. Bounded in rate. */
  want(context: Pick<TraceContext, 'traceId' | 'sampled'>, reason: WantedFor, by?: WantedBy): void;
  /** Hears of each trace that is newly wanted by this process, and not of those that another one wants. @returns takes it back */
  onWanted(listener: WantedListener): () => void;
  /** It is recorded, sampled or wanted. */
  records(context: TraceContext): boolean;
  /** Spans go somewhere. */
  readonly active: boolean;
  /** A call that takes so many milliseconds is slow: its trace is wanted. Infinity where nothing is recorded. */
  readonly slowAfter: number;
  /** The same for a service of this process, whose name its spans have. */
  of(service: string): Tracing;
  stop(): Promise<void>;
}

export interface TracingOptions {
  readonly service: string;
  readonly version: string;
  /** Share of new traces that are recorded, 0 to 1. */
  readonly ratio: number;
  /** OTLP endpoint; empty records nothing. */
  readonly endpoint: string;
  /** Milliseconds. Default: nothing is slow. */
  readonly slowAfter?: number;
  /** Counts what has been sent, and what was lost at a full queue or a collector that is away. */
  readonly meters?: MeterProvider;
  readonly onSending?: OnSending;
  /** Where spans go instead of the endpoint, in tests. */
  readonly processor?: SpanProcessor;
}

/** While the collector is away or slow, spans wait here; what has no room is dropped. */
const MOST_WAITING = 4096;

/** Spans are made when their work has ended, from what the call kept: a call that is not sampled costs no span object. */
export function createTracing(options: TracingOptions): Tracing {
  const { service, version, ratio, endpoint, processor, meters, slowAfter = Number.POSITIVE_INFINITY } = options;
  const exporter = endpoint === '' ? undefined : new OtlpSpanExporter(endpoint, options.onSending ?? (() => {}));
  const sink =
    processor ??
    (exporter &&
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: MOST_WAITING,
        ...(meters && { selfObsMeterProvider: meters }),
      }));
  if (!sink) return NOTHING;

  const kept = new KeptSpans();
  const recorders = new Map<string, RecordSpan>();
  const start = () => newTrace(Math.random() < ratio);
  const records = (context: TraceContext) => context.sampled || kept.wants(context);
  const tracingOf = (name: string): Tracing => {
    const record = recorders.get(name) ?? readableSpans(name, version, sink);
    recorders.set(name, record);
    return {
      active: true,
      start,
      records,
      slowAfter,
      record(span) {
        if (records(span.context)) record(span);
        else kept.keep(noteOf(span), record);
      },
      offer(span) {
        if (records(span.context)) record(spanOf(span));
        else kept.keep(span, record);
      },
      want({ traceId, sampled }, reason, by = 'here') {
        if (!sampled) kept.want(traceId, reason, by);
      },
      onWanted: (listener) => kept.onWanted(listener),
      of: tracingOf,
      async stop() {
        await within(LAST_MS, sink.shutdown(), () => undefined);
      },
    };
  };
  return tracingOf(service);
}

const NOTHING: Tracing = {
  active: false,
  start: () => newTrace(false),
  record: () => {},
  offer: () => {},
  want: () => {},
  records: () => false,
  slowAfter: Number.POSITIVE_INFINITY,
  onWanted: () => () => {},
  of: () => NOTHING,
  stop: async () => {},
};
