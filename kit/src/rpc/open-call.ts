import { createHash } from 'node:crypto';
import { correlationIdFrom, idsFrom, ORDER_HEADER, USER_HEADER } from '../context/index.ts';
import { childOf, parseTraceparent, type TraceContext, type Tracing } from '../telemetry/index.ts';
import type { CallContext, User } from './context.ts';
import { Cancelled, DeadlineExceeded } from './errors.ts';
import type { CallerIdentity } from './mesh-identity.ts';
import type { IncomingCall } from './server-call.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** A call while it is served: its context, and its end when the caller goes or its time is up. */
export class OpenCall implements CallContext {
  readonly correlationId: string;
  readonly trace: TraceContext;
  readonly deadline: number;
  readonly callerService: string | undefined;
  readonly method: string;
  readonly spanAttributes: Readonly<Record<string, string>> | undefined;
  user: User | undefined;
  token: string | undefined;
  /** What it did is told by events. */
  hasPublished = false;
  readonly #call: IncomingCall;
  readonly #tracing: Tracing;
  readonly #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #ended: Error | undefined;
  #giveUp: ((reason: Error) => void) | undefined;

  /**
   * @param ceiling milliseconds that the method may take, whatever its caller asked for
   * @param identify tells which service calls
   * @param now gives epoch milliseconds
   */
  constructor(
    method: string,
    ceiling: number,
    call: IncomingCall,
    tracing: Tracing,
    identify: CallerIdentity,
    now: () => number,
  ) {
    const { metadata } = call;
    const header = (name: string) => metadata.get(name)[0]?.toString();
    const parent = parseTraceparent(header('traceparent'), header('tracestate'));
    const asked = call.getDeadline();
    const began = now();
    const latest = began + ceiling;
    const until = asked instanceof Date ? asked.getTime() : asked;
    this.#call = call;
    this.#tracing = tracing;
    this.method = method;
    this.correlationId = correlationIdFrom(header('x-correlation-id'));
    this.spanAttributes = idsFrom(header(ORDER_HEADER));
    this.trace = parent ? childOf(parent) : tracing.start();
    this.deadline = Math.min(until, latest);
    this.callerService = identify(metadata, call);
    this.user = undefined;
    this.token = undefined;
    this.#timer = Number.isFinite(this.deadline)
      ? setTimeout(() => this.#end(new DeadlineExceeded()), this.deadline - began)
      : undefined;
    // A cancel within a few milliseconds of the deadline is the caller's own timer: it is a deadline.
    const cancelled = () => this.#end(now() >= this.deadline - 5 ? new DeadlineExceeded() : new Cancelled());
    call.onCancelled = cancelled;
  }

  /** Made for those who look: most handlers do not. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#ended) this.#abort.abort(this.#ended);
    return this.#abort.signal;
  }

  /** The user of its token, or whom a service of ours says that it acts for. */
  get userId(): string | undefined {
    if (this.user || this.callerService === undefined) return this.user?.id;
    const [header] = this.#call.metadata.get(USER_HEADER);
    return typeof header === 'string' && UUID.test(header) ? header : undefined;
  }

  isRecorded(): boolean {
    return this.#tracing.records(this.trace);
  }

  changed(): void {
    this.hasPublished = true;
  }

  requestHash(): Uint8Array {
    return createHash('sha256').update(this.#call.request.bytes).digest();
  }

  /** The same call with another signal. */
  withSignal(signal: AbortSignal): CallContext {
    const requestHash = () => this.requestHash();
    const userId = () => this.userId;
    const isRecorded = () => this.isRecorded();
    const own = {
      signal: { value: signal },
      requestHash: { value: requestHash },
      isRecorded: { value: isRecorded },
      userId: { get: userId },
    };
    return Object.create(this, own) as CallContext;
  }

  /** The outcome of the work, unless the call ends before it. */
  unlessEnded<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      work().then(resolve, reject);
    });
  }

  close(): void {
    this.#call.onCancelled = undefined;
    clearTimeout(this.#timer);
  }

  #end(reason: Error): void {
    this.#ended = reason;
    this.#abort?.abort(reason);
    this.#giveUp?.(reason);
  }
}
