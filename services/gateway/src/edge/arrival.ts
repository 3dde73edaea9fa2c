import { correlationIdFrom, type WorkContext } from '@weft/kit/context';
import { childOf, holdsCardNumber, parseTraceparent, type TraceContext } from '@weft/kit/telemetry';
import type { Request } from '../http/request.ts';
import { clientAddress } from '../limits/address.ts';

export interface ArrivalOptions {
  readonly startTrace: () => TraceContext;
  /** How many proxies of ours stand before this process. */
  readonly proxies: number;
}

/** A request as far as every protocol knows it. Of its headers only these are read; none is passed on. */
export class Arrival {
  readonly correlationId: string;
  readonly trace: TraceContext;
  readonly address: string;
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
  /** Epoch milliseconds that the client has set; Infinity where it has not. */
  deadline = Number.POSITIVE_INFINITY;
  /** Verified. */
  token: string | undefined;

  constructor(request: Request, signal: AbortSignal, { startTrace, proxies }: ArrivalOptions) {
    const { headers } = request;
    const parent = parentOf(one(headers.traceparent));
    this.correlationId = correlationIdFrom(one(headers['x-correlation-id']));
    this.trace = parent ? childOf(parent) : startTrace();
    this.address = clientAddress(request.socket?.remoteAddress, one(headers['x-forwarded-for']), proxies);
    this.authorization = headers.authorization;
    this.signal = signal;
  }

  /** @param deadline epoch milliseconds of what is called now */
  context(deadline: number): WorkContext {
    const { correlationId, trace, token } = this;
    return { correlationId, trace, deadline: Math.min(deadline, this.deadline), token };
  }
}

const HALF = 16;

/** The span that the client names; none where digits of its ids are those of a card: they get into every log and span of a trace. */
function parentOf(header: string | undefined): TraceContext | undefined {
  const parent = parseTraceparent(header);
  if (!parent) return undefined;
  const { traceId, spanId } = parent;
  const halves = [traceId.slice(0, HALF), traceId.slice(HALF), spanId];
  return halves.some((half) => holdsCardNumber(half.replace(/^0+/, ''))) ? undefined : parent;
}

/** A header that came more than once is taken as it came last. */
export const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.at(-1) : header;
