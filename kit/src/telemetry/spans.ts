import type { Attributes, SpanKind } from '@opentelemetry/api';
import type { TraceContext } from './trace-context.ts';

/** A span as it is known when its work has ended. Times are epoch milliseconds, fractions kept. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly startTime: number;
  readonly endTime: number;
  readonly attributes: Attributes;
  readonly error?: string;
  /** What it is below goes on without waiting for it: it is linked to that as well. */
  readonly followsParent?: boolean;
}

export type RecordSpan = (span: FinishedSpan) => void;

/** What a span is apart from its place and its time. */
export type SpanContent = Omit<FinishedSpan, 'context' | 'startTime' | 'endTime'>;

/** A span of which only a note was made, should anybody want it: of most calls nobody does. */
export interface NotedSpan {
  readonly context: TraceContext;
  readonly startTime: number;
  readonly endTime: number;
  readonly note: string;
  /** What a call is made of, such as a query. */
  readonly part?: boolean;
  /** Made once, and not for each span. */
  readonly describe: (note: string) => SpanContent;
}

export const spanOf = ({ context, startTime, endTime, note, describe }: NotedSpan): FinishedSpan => ({
  context,
  startTime,
  endTime,
  ...describe(note),
});
