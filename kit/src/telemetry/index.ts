export { holdsCardNumber, mayHoldCardNumber } from './card-number.ts';
export { type DatabaseSpans, databaseSpans, type SpanWork } from './database-spans.ts';
export type { BoundHistogram, HistogramOptions, Series } from './histograms.ts';
export {
  createLogger,
  inOnePiece,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  lineWriter,
  prettyLine,
  type RootLogger,
} from './logs.ts';
export { type MeasuredGauge, type Measurement, measurement } from './measurement.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { redactedJson } from './redaction.ts';
export { serverAttributes } from './server-attributes.ts';
export {
  childOf,
  formatTraceparent,
  newTrace,
  parseTraceparent,
  randomHex,
  type TraceContext,
} from './trace-context.ts';
export {
  createTracing,
  type FinishedSpan,
  type NotedSpan,
  type SpanContent,
  type Tracing,
  type WantedFor,
} from './traces.ts';
