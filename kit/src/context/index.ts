import { AsyncLocalStorage } from 'node:async_hooks';
import {
  childOf,
  formatTraceparent,
  holdsCardNumber,
  parseTraceparent,
  randomHex,
  type TraceContext,
} from '../telemetry/index.ts';

/** What work carries with it into the calls and events that it makes. */
export interface WorkContext {
  readonly correlationId: string;
  readonly trace: TraceContext;
  /** Epoch milliseconds; Infinity where there is none. */
  readonly deadline: number;
  readonly signal?: AbortSignal;
  /** The end user's access token, passed on to be verified again. */
  readonly token?: string | undefined;
  /** Of the user who asked for it in the first place. */
  readonly userId?: string | undefined;
  /** The service that called, and the full name of the method, while a call is served. */
  readonly callerService?: string | undefined;
  readonly method?: string;
  /** Which try of the work this is, from 1 on, where it is tried again until it is done. */
  readonly attempt?: number | undefined;
  /** What all spans of the work have, such as the id of its saga. */
  readonly spanAttributes?: Readonly<Record<string, string>> | undefined;
  /** Whether its trace is recorded by now: one that is not sampled may be wanted after all. */
  isRecorded?(): boolean;
  /** Is told that the work has saved events: what it changed is known by them. */
  changed?(): void;
}

const storage = new AsyncLocalStorage<WorkContext>();

/** The context of the work that runs now; undefined outside of calls, events and sagas. */
export function currentContext(): WorkContext | undefined {
  return storage.getStore();
}

export function runInContext<T>(context: WorkContext, work: () => T): T {
  return storage.run(context, work);
}

/** For what goes on by itself: whoever woke it may have been anybody, and has nothing to do with what comes after. */
export function outsideContext<T>(work: () => T): T {
  return storage.run(undefined as never, work);
}

/** Of an event: the service whose call led to it. */
export const EVENT_CALLER_HEADER = 'weft-caller';
/** The user who asked for it in the first place. */
export const USER_HEADER = 'weft-user';
/** Of an event: the method whose call led to it. */
export const EVENT_METHOD_HEADER = 'weft-method';
/** Of an event that no call led to: which try of the work it came of, from 1 on. */
export const EVENT_ATTEMPT_HEADER = 'weft-attempt';

/** Of an event, and of a call within a saga: the order that it belongs to. */
export const ORDER_HEADER = 'weft-order';
const ORDER_ID = 'weft.order.id';

const ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** It looks like the ids that we give out, and so is none of what people type. */
export const isId = (text: unknown): text is string => typeof text === 'string' && ID.test(text);

/** What all spans of work have, whose headers name an order. */
export function idsFrom(order: string | undefined): Readonly<Record<string, string>> | undefined {
  return isId(order) ? { [ORDER_ID]: order } : undefined;
}

/** The order that all spans of the work name. */
export const orderOf = ({ spanAttributes }: WorkContext): string | undefined => spanAttributes?.[ORDER_ID];

// Most of those that come in: a call of ours that goes on.
const OURS = /^(?=\d*[a-f])[\da-f]{32}$/;
const CORRELATION_ID = /^[A-Za-z0-9._:-]{1,64}$/;
const UUID = /(?<![\dA-Za-z])[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?![\dA-Za-z])/gi;
const HEX_ID = /(?<![\dA-Za-z])(?:[\da-f]{32}|[\da-f]{16})(?![\dA-Za-z])/gi;
const ONLY_DIGITS = /^\d+$/;

/** The id that a caller sent when it is well formed and holds no card number, else a new one: it gets into logs, spans and events. */
export function correlationIdFrom(header: string | undefined): string {
  if (header === undefined) return randomHex(16);
  if (OURS.test(header)) return header;
  return CORRELATION_ID.test(header) && !hidesCardNumber(header) ? header : randomHex(16);
}

/** Also between letters and dashes, where only UUIDs and ids of traces may have digits as they like. */
function hidesCardNumber(id: string): boolean {
  if (id.length < 13) return false;
  const rest = id.replace(UUID, ' ').replace(HEX_ID, (hex) => (ONLY_DIGITS.test(hex) ? hex : ' '));
  return holdsCardNumber(rest.replaceAll(/\D+/g, ' '));
}

/** The headers by which work that is done later, from a stored event or saga, knows where it came from. */
export function contextHeaders(context = currentContext()): Record<string, string> {
  if (!context) return {};
  const { userId, callerService, method, trace } = context;
  const order = orderOf(context);
  return {
    traceparent: formatTraceparent(context.isRecorded?.() ? { ...trace, sampled: true } : trace),
    'correlation-id': context.correlationId,
    ...(order !== undefined && { [ORDER_HEADER]: order }),
    ...(userId !== undefined && { [USER_HEADER]: userId }),
    ...(callerService !== undefined && { [EVENT_CALLER_HEADER]: callerService }),
    ...(method !== undefined && { [EVENT_METHOD_HEADER]: method }),
  };
}

/** Those of an event of the work that runs now. Its try is its own, and not that of what is done later. */
export function eventHeaders(): Record<string, string> {
  const context = currentContext();
  const attempt = context?.attempt;
  return { ...contextHeaders(context), ...(attempt !== undefined && { [EVENT_ATTEMPT_HEADER]: String(attempt) }) };
}

/** By which the lines of a log are found that belong to one request. */
export function logFields(): object {
  const context = storage.getStore();
  return context ? { correlationId: context.correlationId, traceId: context.trace.traceId } : {};
}

/** The context of work that was asked for by stored headers: no deadline, no token, a span below the one that asked. */
export function contextFromHeaders(headers: Readonly<Record<string, string>>, start: () => TraceContext): WorkContext {
  const parent = parseTraceparent(headers.traceparent);
  const userId = headers[USER_HEADER];
  const spanAttributes = idsFrom(headers[ORDER_HEADER]);
  return {
    correlationId: correlationIdFrom(headers['correlation-id']),
    trace: parent ? childOf(parent) : start(),
    deadline: Number.POSITIVE_INFINITY,
    ...(spanAttributes && { spanAttributes }),
    ...(userId !== undefined && { userId }),
  };
}
