export { type DatabaseSpans, databaseSpans } from './database-spans.ts';
export { createLogger, type Logger, lineWriter } from './logs.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { redactedJson } from './redaction.ts';
export { childOf, formatTraceparent, newTrace, parseTraceparent, type TraceContext } from './trace-context.ts';
export { createTracing, type FinishedSpan, type SpanSource, type Tracing } from './traces.ts';
