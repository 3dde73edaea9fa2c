import { randomFillSync } from 'node:crypto';
import { holdsCardNumber } from './card-number.ts';

/** W3C trace context of one span. */
export interface TraceContext {
  /** 32 lowercase hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lowercase hex digits, not all zero. */
  readonly spanId: string;
  /** The span that this one is a child of. */
  readonly parentSpanId: string | undefined;
  readonly sampled: boolean;
  /** What others have to say of the trace, as they wrote it. Goes on with calls, and not with events: these are kept. */
  readonly state?: string;
}

// Version 00 ends after the flags; what later versions add comes after another dash.
const TRACEPARENT =
  /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/**
 * Reads a traceparent header, and a tracestate header with it; undefined when the first is absent or malformed, without what the other says
 * when that is. Source: W3C Trace Context, sections 3.2 and 3.3.
 */
export function parseTraceparent(header: string | undefined, state?: string): TraceContext | undefined {
  const match = header === undefined ? null : TRACEPARENT.exec(header);
  if (!match) return undefined;
  const [, traceId = '', spanId = '', flags = '00'] = match;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  const told = state !== undefined && TRACESTATE.test(state) && !holdsCardNumber(state) ? { state } : {};
  return { traceId, spanId, parentSpanId: undefined, sampled, ...told };
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** A span below the given one. */
export function childOf(parent: TraceContext): TraceContext {
  return { ...parent, spanId: randomHex(8), parentSpanId: parent.spanId };
}

/** The first span of a new trace. */
export function newTrace(sampled: boolean): TraceContext {
  const bytes = randomHex(24);
  return { traceId: bytes.slice(0, 32), spanId: bytes.slice(32), parentSpanId: undefined, sampled };
}

// Drawn many at a time: a draw costs as much as the rest of a span's bookkeeping.
const pool = Buffer.alloc(4096);
let used = pool.length;

/** Random bytes as lowercase hex digits, in one piece: a UUID of Node's is two dozen, which whoever writes it puts together. */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
