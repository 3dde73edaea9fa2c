import { correlationIdFrom, type WorkContext } from '@weft/kit/context';
import { childOf, holdsCardNumber, parseTraceparent, type TraceContext } from '@weft/kit/telemetry';
import type { Request } from '../http/request.ts';
import { clientAddress } from '../limits/address.ts';

/** How a request's client is known to have gone, and sent away. */
export interface Line {
  readonly signal: AbortSignal;
  readonly hangUp: () => void;
}

export interface ArrivalOptions {
  readonly startTrace: () => TraceContext;
  /** How many proxies of ours stand before this process. */
  readonly proxies: number;
}

/** What the span of a request by REST has. Source: OpenTelemetry HTTP semantic conventions. */
export type HttpAttributes = Readonly<Record<string, string | number>>;

/** A request as far as every protocol knows it. Of its headers only these are read; none is passed on. */
export class Arrival {
  readonly correlationId: string;
  readonly trace: TraceContext;
  readonly address: string;
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
  /** Ends the connection, or its stream, as it is. */
  readonly hangUp: () => void;
  /** Epoch milliseconds that the client has set; Infinity where it has not. */
  deadline = Number.POSITIVE_INFINITY;
  /** Verified. */
  token: string | undefined;
  /** Of REST, once it is found. */
  route: { readonly method: string; readonly path: string } | undefined;
  #traceTaken = false;
  #answered = false;
  #status: number | undefined;
  readonly #waiting: ((http: HttpAttributes | undefined) => void)[] = [];

  constructor(request: Request, { signal, hangUp }: Line, { startTrace, proxies }: ArrivalOptions) {
    const { headers } = request;
    // A stranger who could join a trace could have every request recorded.
    const parent = proxies > 0 ? parentOf(one(headers.traceparent), one(headers.tracestate)) : undefined;
    this.correlationId = correlationIdFrom(one(headers['x-correlation-id']));
    this.trace = parent ? childOf(parent) : startTrace();
    this.address = clientAddress(request.socket?.remoteAddress, one(headers['x-forwarded-for']), proxies);
    this.authorization = headers.authorization;
    this.signal = signal;
    this.hangUp = hangUp;
  }

  /** The span of a call that serves the request; of a request that needs several, each later one is below the first. */
  nextSpan(): TraceContext {
    const trace = this.#traceTaken ? childOf(this.trace) : this.trace;
    this.#traceTaken = true;
    return trace;
  }

  /** Is called with the status as it is sent; without one where the client has gone. */
  answered(status?: number): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#status = status;
    for (const tell of this.#waiting.splice(0)) tell(this.#http());
  }

  /** Calls back when it is known how the request is answered; at once where that is nothing that a protocol of calls knows. */
  whenAnswered(tell: (http: HttpAttributes | undefined) => void): void {
    if (!this.route || this.#answered) tell(this.#http());
    else this.#waiting.push(tell);
  }

  #http(): HttpAttributes | undefined {
    return (
      this.route && {
        'http.request.method': this.route.method,
        'http.route': this.route.path,
        ...(this.#status !== undefined && { 'http.response.status_code': this.#status }),
      }
    );
  }

  /** @param deadline epoch milliseconds of what is called now */
  context(deadline: number, trace = this.trace): WorkContext {
    const { correlationId, token } = this;
    return { correlationId, trace, deadline, token };
  }
}

const HALF = 16;

/** The span that the client names; none where digits of its ids are those of a card: they get into every log and span of a trace. */
function parentOf(header: string | undefined, state: string | undefined): TraceContext | undefined {
  const parent = parseTraceparent(header, state);
  if (!parent) return undefined;
  const { traceId, spanId } = parent;
  const halves = [traceId.slice(0, HALF), traceId.slice(HALF), spanId];
  return halves.some((half) => holdsCardNumber(half.replace(/^0+/, ''))) ? undefined : parent;
}

/** A header that came more than once is taken as it came last. */
export const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.at(-1) : header;
