import { createHash } from 'node:crypto';
import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { correlationIdFrom, runInContext } from '../context/index.ts';
import { InvalidArgument } from '../failure/index.ts';
import { childOf, parseTraceparent, type Tracing } from '../telemetry/index.ts';
import { authorize } from './authorization.ts';
import type { CallContext } from './context.ts';
import type { MethodContract } from './contract.ts';
import { Cancelled, DeadlineExceeded, type Outcome, outcomeOf, statusOf } from './errors.ts';
import type { Encode, StreamHandler, UnaryHandler } from './handler.ts';
import { bearerToken, callerService, type TokenVerifier } from './identity.ts';
import { type Observer, tell } from './observation.ts';
import { sendAll } from './stream.ts';
import type { Incoming } from './validation.ts';

/** What every method of a server shares. */
export interface MethodConcerns {
  readonly service: string;
  readonly verifyToken: TokenVerifier;
  readonly tracing: Tracing;
  readonly observers: readonly Observer[];
  /** Fires when the server drains: streams end then, so that their callers resume elsewhere. */
  readonly draining: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type Call<Q> = Pick<
  ServerUnaryCall<Incoming<Q>, unknown>,
  'metadata' | 'request' | 'getPeer' | 'getDeadline' | 'on' | 'cancelled'
>;

/** A unary method with everything around its handler, in this order: context, wire, identity, authorization, rules. */
export function unaryMethod<Q, R>(
  method: MethodContract,
  handler: UnaryHandler<Q, R>,
  encode: Encode<R>,
  concerns: MethodConcerns,
) {
  return (call: ServerUnaryCall<Incoming<Q>, Uint8Array>, callback: sendUnaryData<Uint8Array>): void => {
    serve(method, call, concerns, async (request, context) => encode(await handler(request, context))).then(
      (response) => callback(null, response),
      (refusal) => callback(refusal),
    );
  };
}

/** A server-streaming method; it ends with OK when idle, old or drained. */
export function streamMethod<Q, R>(
  method: MethodContract,
  handler: StreamHandler<Q, R>,
  encode: Encode<R>,
  concerns: MethodConcerns,
) {
  return (call: ServerWritableStream<Incoming<Q>, Uint8Array>): void => {
    serve(method, call, concerns, (request, context) =>
      sendAll(call, (signal) => handler(request, { ...context, signal }), encode, context, method, concerns.draining),
    ).then(
      () => call.end(),
      (refusal) => call.emit('error', refusal),
    );
  };
}

async function serve<Q, T>(
  method: MethodContract,
  call: Call<Q>,
  concerns: MethodConcerns,
  work: (request: Q, context: CallContext) => Promise<T>,
): Promise<T> {
  const startTime = concerns.now();
  const start = performance.now();
  const { context, aborted, dispose } = openContext(method, call, concerns, startTime);
  let error: unknown;
  let outcome: Outcome | undefined;
  try {
    return await Promise.race([aborted, runInContext(context, () => admit(method, call, concerns, context, work))]);
  } catch (thrown) {
    error = thrown;
    outcome = outcomeOf(thrown);
    throw statusOf(outcome, `${concerns.service}.weft`, context.correlationId);
  } finally {
    dispose();
    const { callerService: caller, user } = context;
    const ended = {
      side: 'server',
      method,
      context,
      startTime,
      duration: performance.now() - start,
      outcome,
      error,
    } as const;
    tell(concerns.observers, { ...ended, callerService: caller, userId: user?.id });
  }
}

async function admit<Q, T>(
  method: MethodContract,
  call: Call<Q>,
  concerns: MethodConcerns,
  context: Mutable<CallContext>,
  work: (request: Q, context: CallContext) => Promise<T>,
): Promise<T> {
  const { decoded } = call.request;
  if ('malformed' in decoded) throw new InvalidArgument([decoded.malformed]);
  const token = bearerToken(call.metadata);
  if (token !== undefined) {
    context.user = await concerns.verifyToken(token);
    context.token = token;
  }
  authorize(method, context.callerService, context.user);
  const violations = call.request.violations();
  if (violations.length > 0) throw new InvalidArgument(violations);
  return work(decoded.message, context);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function openContext<Q>(method: MethodContract, call: Call<Q>, concerns: MethodConcerns, now: number) {
  const { metadata } = call;
  const header = (name: string) => metadata.get(name)[0]?.toString();
  const parent = parseTraceparent(header('traceparent'));
  const asked = call.getDeadline();
  const deadline = Math.min(asked instanceof Date ? asked.getTime() : asked, now + method.timeout);
  const abort = new AbortController();
  const context: Mutable<CallContext> = {
    correlationId: correlationIdFrom(header('x-correlation-id')),
    trace: parent ? childOf(parent) : concerns.tracing.start(),
    deadline,
    signal: abort.signal,
    callerService: callerService(metadata, call.getPeer()),
    user: undefined,
    method: method.name,
    requestHash: () => createHash('sha256').update(call.request.bytes).digest(),
  };
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const end = (reason: Error) => {
    abort.abort(reason);
    reject(reason);
  };
  const timer = Number.isFinite(deadline) ? setTimeout(() => end(new DeadlineExceeded()), deadline - now) : undefined;
  let open = true;
  call.on('cancelled', () => {
    // grpc-js says it of every call, also when it has ended well.
    if (!open) return;
    // A cancel within a few milliseconds of the deadline is the caller's own timer: it is a deadline.
    end(concerns.now() >= deadline - 5 ? new DeadlineExceeded() : new Cancelled());
  });
  const dispose = () => {
    open = false;
    clearTimeout(timer);
  };
  return { context, aborted, dispose };
}
