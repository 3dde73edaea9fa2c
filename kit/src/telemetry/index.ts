export { createLogger, type Logger, lineWriter } from './logs.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { childOf, formatTraceparent, newTrace, parseTraceparent, type TraceContext } from './trace-context.ts';
export { createTracing, type FinishedSpan, type Tracing } from './traces.ts';
