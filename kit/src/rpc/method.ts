import type { ServerWritableStream } from '@grpc/grpc-js';
import { runInContext, type WorkContext } from '../context/index.ts';
import { failPoint } from '../fail-point/index.ts';
import { InvalidArgument } from '../failure/index.ts';
import type { TraceContext, Tracing } from '../telemetry/index.ts';
import { authorize } from './authorization.ts';
import type { CallContext } from './context.ts';
import type { MethodContract } from './contract.ts';
import { type Outcome, outcomeOf, statusOf, wantedFor } from './errors.ts';
import type { Encode, StreamHandler, UnaryHandler } from './handler.ts';
import { bearerToken, callerService, type TokenVerifier } from './identity.ts';
import type { CallerIdentity } from './mesh-identity.ts';
import { type Observer, tell } from './observation.ts';
import { OpenCall } from './open-call.ts';
import { type IncomingCall, incomingStream, WANTED_HEADER } from './server-call.ts';
import { sendAll } from './stream.ts';
import type { Incoming } from './validation.ts';

/** A call that changes something, for a user. */
export interface Operation {
  readonly method: MethodContract;
  readonly context: WorkContext;
  readonly request: Uint8Array;
}

/** What every method of a server shares. */
export interface MethodConcerns {
  readonly service: string;
  readonly verifyToken: TokenVerifier;
  /** Who calls; its own word, from loopback only, where this is left out. */
  readonly identify?: CallerIdentity;
  readonly tracing: Tracing;
  readonly observers: readonly Observer[];
  /** Counts the calls that are being served, streams as well. */
  readonly inFlight?: { calls: number };
  /** Is told, before it is answered, of what a user had done and no event tells of. */
  readonly audit?: (operation: Operation) => Promise<void>;
  /** Fires when the server drains: streams end then, so that their callers resume elsewhere. */
  readonly draining: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A unary method with everything around its handler, in this order: context, wire, identity, authorization, rules. */
export function unaryMethod<Q, R>(
  method: MethodContract,
  handler: UnaryHandler<Q, R>,
  encode: Encode<R>,
  concerns: MethodConcerns,
) {
  const work = async (request: Q, context: CallContext) => encode(await handler(request, context));
  return (call: IncomingCall<Q>): Promise<Uint8Array> => serve(method, call, concerns, work);
}

/** A server-streaming method; it ends with OK when idle, old or drained. */
export function streamMethod<Q, R>(
  method: MethodContract,
  handler: StreamHandler<Q, R>,
  encode: Encode<R>,
  concerns: MethodConcerns,
) {
  return (call: ServerWritableStream<Incoming<Q>, Uint8Array>): void => {
    serve(method, incomingStream(call), concerns, (request, context) =>
      sendAll(
        call,
        (signal) => handler(request, context.withSignal(signal)),
        encode,
        context,
        method,
        concerns.draining,
      ),
    ).then(
      () => call.end(),
      (refusal) => call.emit('error', refusal),
    );
  };
}

/** Its caller did not sample the trace, and hears that it is recorded all the same. */
const isWanted = (tracing: Tracing, trace: TraceContext): boolean => !trace.sampled && tracing.records(trace);

async function serve<Q, T>(
  method: MethodContract,
  call: IncomingCall<Q>,
  concerns: MethodConcerns,
  work: (request: Q, context: OpenCall) => Promise<T>,
): Promise<T> {
  const startTime = concerns.now();
  if (concerns.inFlight) concerns.inFlight.calls++;
  const start = performance.now();
  const { tracing, identify = callerService, now } = concerns;
  const context = new OpenCall(method.name, method.timeout, call, tracing, identify, now);
  let error: unknown;
  let outcome: Outcome | undefined;
  let response: unknown;
  try {
    const done = await context.unlessEnded(() =>
      runInContext(context, () => admit(method, call, concerns, context, work)),
    );
    response = done;
    return done;
  } catch (thrown) {
    error = thrown;
    outcome = outcomeOf(thrown);
    concerns.tracing.want(context.trace, wantedFor(outcome.code));
    const ending = statusOf(outcome, `${concerns.service}.weft`, context.correlationId);
    if (isWanted(concerns.tracing, context.trace)) ending.metadata.set(WANTED_HEADER, 'true');
    throw ending;
  } finally {
    context.close();
    if (concerns.inFlight) concerns.inFlight.calls--;
    const { callerService: caller, user } = context;
    const duration = performance.now() - start;
    if (duration >= concerns.tracing.slowAfter && !method.stream) concerns.tracing.want(context.trace, 'failure');
    if (outcome === undefined) call.wanted = isWanted(concerns.tracing, context.trace);
    const { decoded } = call.request;
    tell(concerns.observers, {
      side: 'server',
      method,
      context,
      request: 'message' in decoded ? (decoded.message as object) : undefined,
      response: response as object | undefined,
      startTime,
      duration,
      outcome,
      error,
      callerService: caller,
      userId: user?.id,
    });
  }
}

async function admit<Q, T>(
  method: MethodContract,
  call: IncomingCall<Q>,
  concerns: MethodConcerns,
  context: OpenCall,
  work: (request: Q, context: OpenCall) => Promise<T>,
): Promise<T> {
  const { decoded } = call.request;
  if ('malformed' in decoded) throw new InvalidArgument([decoded.malformed]);
  const token = bearerToken(call.metadata.get('authorization')[0]?.toString());
  if (token !== undefined) {
    const known = concerns.verifyToken(token);
    context.user = known instanceof Promise ? await known : known;
    context.token = token;
  }
  authorize(method, context.callerService, context.user);
  const found = call.request.violations();
  const violations = found instanceof Promise ? await found : found;
  if (violations.length > 0) throw new InvalidArgument(violations);
  failPoint(concerns.service, method.name, 'begun');
  const audited = !method.readOnly && context.user !== undefined && concerns.audit;
  const operation = { method, context, request: call.request.bytes };
  // A stream may end in the middle of what it does.
  if (audited && method.stream) await audited(operation);
  const done = await work(decoded.message, context);
  if (audited && !method.stream && !context.hasPublished) await audited(operation);
  failPoint(concerns.service, method.name, 'done');
  return done;
}
