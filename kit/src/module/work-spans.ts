import { SpanKind } from '@opentelemetry/api';
import { contextFromHeaders, runInContext } from '../context/index.ts';
import type { EventMeta } from '../events/index.ts';
import type { Tracing } from '../telemetry/index.ts';

/** Work that no call waits for: of an event, of a saga. */
export interface BackgroundWork {
  /** Of its span: few different ones. */
  readonly name: string;
  /** By which it knows what it belongs to; see contextHeaders. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of its span. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Of its span, and of those of the calls that it makes: ids to find them by. */
  readonly ids?: Readonly<Record<string, string>>;
  /** Which try of it this is, from 1 on; its events say so. */
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

/** Does the work in the context of its headers, and in a span below the one that they name. */
export type RunWork = <T>(work: BackgroundWork, run: () => Promise<T>) => Promise<T>;

export interface WorkSpans {
  readonly run: RunWork;
  /** Of an event. */
  readonly handle: RunWork;
}

export function workSpans(tracing: Tracing): WorkSpans {
  const runAs =
    (kind: SpanKind): RunWork =>
    async (work, run) => {
      const { name, headers, attributes, ids, attempt, signal } = work;
      const base = contextFromHeaders(headers, tracing.start);
      const spanAttributes = base.spanAttributes || ids ? { ...base.spanAttributes, ...ids } : undefined;
      const isRecorded = () => tracing.records(base.trace);
      const context = {
        ...base,
        isRecorded,
        attempt,
        ...(signal && { signal }),
        ...(spanAttributes && { spanAttributes }),
      };
      const startTime = Date.now();
      const start = performance.now();
      let error: string | undefined;
      try {
        return await runInContext(context, run);
      } catch (thrown) {
        error = thrown instanceof Error ? thrown.name : 'failed';
        tracing.want(context.trace, 'failure');
        throw thrown;
      } finally {
        const duration = performance.now() - start;
        if (duration >= tracing.slowAfter) tracing.want(context.trace, 'failure');
        // Who published it goes on without waiting: a consumer's span is linked to it, and below it as well, so that an order is one trace.
        const followsParent = kind === SpanKind.CONSUMER && context.trace.parentSpanId !== undefined;
        tracing.record({
          name,
          kind,
          context: context.trace,
          startTime,
          endTime: startTime + duration,
          attributes: {
            'weft.correlation_id': context.correlationId,
            ...attributes,
            ...spanAttributes,
            ...(error !== undefined && { 'error.type': error }),
          },
          ...(followsParent && { followsParent }),
          ...(error !== undefined && { error }),
        });
      }
    };
  return { run: runAs(SpanKind.INTERNAL), handle: runAs(SpanKind.CONSUMER) };
}

/** What an event's span is of. Source: OpenTelemetry messaging semantic conventions, CloudEvents. */
function eventAttributes(event: { id: string; type: string; key: string }): Record<string, string> {
  return {
    'messaging.system': 'weft',
    'messaging.destination.name': event.type,
    'messaging.message.id': event.id,
    'cloudevents.event_subject': event.key,
  };
}

/** Around each delivery to a consumer. */
export function consumerSpan({ handle }: WorkSpans) {
  return (meta: EventMeta, next: () => Promise<void>): Promise<void> => {
    const attributes = {
      ...eventAttributes(meta),
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.consumer.group.name': meta.consumer,
    };
    const { headers, deliveries: attempt } = meta;
    return handle({ name: `process ${meta.type}`, headers, attributes, attempt }, next);
  };
}
