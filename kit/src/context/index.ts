import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { childOf, formatTraceparent, parseTraceparent, type TraceContext } from '../telemetry/index.ts';

/** What work carries with it into the calls and events that it makes. */
export interface WorkContext {
  readonly correlationId: string;
  readonly trace: TraceContext;
  /** Epoch milliseconds; Infinity where there is none. */
  readonly deadline: number;
  readonly signal?: AbortSignal;
  /** The end user's access token, passed on to be verified again. */
  readonly token?: string | undefined;
}

const storage = new AsyncLocalStorage<WorkContext>();

/** The context of the work that runs now; undefined outside of calls, events and sagas. */
export function currentContext(): WorkContext | undefined {
  return storage.getStore();
}

export function runInContext<T>(context: WorkContext, work: () => T): T {
  return storage.run(context, work);
}

const CORRELATION_ID = /^[A-Za-z0-9._:-]{1,64}$/;

/** The id that a caller sent when it is well formed, else a new one. */
export function correlationIdFrom(header: string | undefined): string {
  return header !== undefined && CORRELATION_ID.test(header) ? header : randomUUID();
}

/** The headers by which work that is done later, from a stored event or saga, knows where it came from. */
export function contextHeaders(context = currentContext()): Record<string, string> {
  if (!context) return {};
  return { traceparent: formatTraceparent(context.trace), 'correlation-id': context.correlationId };
}

/** The context of work that was asked for by stored headers: no deadline, no token, a span below the one that asked. */
export function contextFromHeaders(headers: Readonly<Record<string, string>>, start: () => TraceContext): WorkContext {
  const parent = parseTraceparent(headers.traceparent);
  return {
    correlationId: correlationIdFrom(headers['correlation-id']),
    trace: parent ? childOf(parent) : start(),
    deadline: Number.POSITIVE_INFINITY,
  };
}
