import { SpanKind } from '@opentelemetry/api';
import { childOf, type TraceContext } from './trace-context.ts';
import type { Tracing } from './traces.ts';

/** Spans of what a service asks of its database, and of what it publishes with a commit. Only of traces that are recorded. */
export interface DatabaseSpans {
  /** Is called when it has ended. Texts are those of statements, without their values. */
  queried(trace: TraceContext, texts: readonly string[], startTime: number, durationMs: number, error?: string): void;
  /** The span that an event is published by, below the given one. Recorded when the transaction has committed. */
  published(event: PublishedEvent, trace: TraceContext, startTime: number): void;
  records(trace: TraceContext): boolean;
}

export interface PublishedEvent {
  readonly id: string;
  readonly type: string;
  readonly key: string;
}

const MOST_KNOWN = 1_000;
const MOST_PARTS = 6;
const summaries = new Map<string, string>();

/** Operation and table of each part of a statement, such as `INSERT outbox`: names of ours, no values. */
export function summaryOf(text: string): string {
  const known = summaries.get(text);
  if (known !== undefined) return known;
  const parts = new Set<string>();
  const found = /\b(select\b[\s\S]*?\bfrom|insert\s+into|update|delete\s+from)\s+(?:only\s+)?"?([a-z_][a-z_\d.]*)"?/gi;
  for (const [, operation = '', table = ''] of text.matchAll(found)) {
    parts.add(`${operation.trim().split(/\s/)[0]?.toUpperCase()} ${table.toLowerCase()}`);
    if (parts.size === MOST_PARTS) break;
  }
  const summary = [...parts].join(', ') || (text.trim().split(/\s/)[0] ?? '').toUpperCase();
  if (summaries.size < MOST_KNOWN) summaries.set(text, summary);
  return summary;
}

/** Source: OpenTelemetry database and messaging semantic conventions. */
export function databaseSpans(tracing: Tracing, database: string): DatabaseSpans {
  return {
    records: (trace) => tracing.records(trace),
    queried(trace, texts, startTime, durationMs, error) {
      const summary = texts.map(summaryOf).join('; ').slice(0, 255) || 'COMMIT';
      tracing.record({
        name: summary,
        kind: SpanKind.CLIENT,
        context: childOf(trace),
        startTime,
        endTime: startTime + durationMs,
        attributes: {
          'db.system.name': 'postgresql',
          'db.namespace': database,
          'db.query.summary': summary,
          ...(error !== undefined && { 'error.type': error }),
        },
        ...(error !== undefined && { error }),
      });
    },
    published({ id, type, key }, trace, startTime) {
      tracing.record({
        name: `send ${type}`,
        kind: SpanKind.PRODUCER,
        context: trace,
        startTime,
        endTime: Date.now(),
        attributes: {
          'messaging.system': 'weft',
          'messaging.operation.name': 'send',
          'messaging.operation.type': 'send',
          'messaging.destination.name': type,
          'messaging.message.id': id,
          'cloudevents.event_subject': key,
        },
      });
    },
  };
}
