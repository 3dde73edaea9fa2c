import type { DescService } from '@bufbuild/protobuf';
import {
  type ChannelOptions,
  Client,
  type ClientReadableStream,
  credentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import {
  correlationIdFrom,
  currentContext,
  ORDER_HEADER,
  orderOf,
  USER_HEADER,
  type WorkContext,
} from '../context/index.ts';
import type { Registry } from '../discovery/index.ts';
import { registryChannelOptions } from '../discovery/resolver.ts';
import { childOf, formatTraceparent, type Tracing } from '../telemetry/index.ts';
import { metadataOf } from './asked.ts';
import type { Line } from './attempt.ts';
import { Connections, connectionOptions } from './connections.ts';
import { type MethodContract, methodContracts } from './contract.ts';
import { outcomeOf, RemoteError, remoteErrorOf, wantedFor } from './errors.ts';
import { CALLER_HEADER } from './identity.ts';
import { MAX_ATTEMPTS, MAX_MESSAGE_BYTES } from './limits.ts';
import type { LocalServers } from './local-calls.ts';
import { type Observer, tell } from './observation.ts';
import { releaseCalls } from './release-calls.ts';
import { BACKOFF } from './retries.ts';
import type { GeneratedMethod, GeneratedService, RequestOf, ResponseOf } from './service.ts';
import { type CallOptions, callOnce, onAbort } from './unary-call.ts';

export type { CallOptions } from './unary-call.ts';

/** A typed client: unary methods give a promise, streams an async iterable. They throw RemoteError. */
export type ClientOf<S extends GeneratedService> = {
  readonly [K in keyof S]: S[K]['responseStream'] extends true
    ? (request: RequestOf<S[K]>, options?: CallOptions) => AsyncIterable<ResponseOf<S[K]>>
    : (request: RequestOf<S[K]>, options?: CallOptions) => Promise<ResponseOf<S[K]>>;
} & {
  readonly close: () => void;
  /** Resolves once connected; rejects when that takes longer than `withinMs`. */
  readonly ready: (withinMs: number) => Promise<void>;
};

export interface ClientOptions {
  /** host:port, `dns:///<host>:<port>` or `weft:///<service>`. */
  readonly target: string;
  /** Name of the service that calls; undefined for an end user's client. */
  readonly caller?: string;
  /** Access token to send where neither the call nor the current context has one. */
  readonly token?: string;
  readonly tracing: Tracing;
  readonly observers?: readonly Observer[];
  /** Where targets of the scheme `weft` are looked up. */
  readonly registry?: Registry | undefined;
  /** The servers of this process: unary calls to their addresses need no connection. */
  readonly local?: LocalServers | undefined;
  /** False where the mesh retries: never both. */
  readonly retries: boolean;
}

/**
 * One channel to one target. Every unary call has a deadline: the method's timeout or what is left of the current work's,
 * whichever ends first. UNAVAILABLE is retried where the contract allows it, at most twice.
 */
export function createClient<S extends GeneratedService>(
  generated: S,
  descriptor: DescService,
  options: ClientOptions,
): ClientOf<S> {
  releaseCalls();
  const contracts = methodContracts(descriptor);
  const connections = new Connections();
  const authority = options.target.replace(/^(?:weft|dns):(?:\/\/[^/]*\/)?/, '');
  const client = new Client(
    options.target,
    credentials.createInsecure(),
    channelOptions(contracts, options, connections, authority),
  );
  const line: { -readonly [K in keyof Line]: Line[K] } = { channel: client.getChannel(), connections, authority };
  line.local = options.local;
  const methods = Object.entries(generated).map(([name, method]) => {
    const contract = contracts[name] as MethodContract;
    return [
      name,
      contract.stream ? streamCall(client, method, contract, options) : unaryCall(line, method, contract, options),
    ];
  });
  const close = () => {
    line.local = undefined;
    client.close();
  };
  return { ...Object.fromEntries(methods), close, ready: readiness(client) } as ClientOf<S>;
}

function readiness(client: Client) {
  return (withinMs: number) =>
    new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + withinMs, (error) => (error ? reject(error) : resolve()));
    });
}

function channelOptions(
  contracts: Readonly<Record<string, MethodContract>>,
  { target, registry, retries }: ClientOptions,
  connections: Connections,
  authority: string,
): ChannelOptions {
  const registered = registryChannelOptions(target, registry);
  const told = connectionOptions(connections, registered?.loadBalancingConfig ?? [{ round_robin: {} }]);
  // Unary calls are tried again by themselves.
  const retryable = Object.values(contracts).filter((contract) => contract.retryable && contract.stream);
  const [service] = Object.values(contracts).map(({ name }) => name.split('/')[0]);
  const methodConfig = [
    {
      name: retryable.map(({ name }) => ({ service, method: name.split('/')[1] })),
      retryPolicy: {
        maxAttempts: MAX_ATTEMPTS,
        initialBackoff: `${BACKOFF.first / 1000}s`,
        maxBackoff: `${BACKOFF.longest / 1000}s`,
        backoffMultiplier: BACKOFF.factor,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ];
  return {
    ...registered?.options,
    ...told.options,
    'grpc.default_authority': authority,
    'grpc.service_config': JSON.stringify({
      loadBalancingConfig: told.loadBalancingConfig,
      methodConfig: retries ? methodConfig : [],
    }),
    'grpc.enable_retries': retries ? 1 : 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.enable_channelz': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2000,
  };
}

function contextOf({ tracing, token: standing }: ClientOptions, options: CallOptions | undefined): WorkContext {
  const current = currentContext();
  const token = options?.token ?? current?.token ?? standing;
  return {
    correlationId: current?.correlationId ?? correlationIdFrom(undefined),
    trace: current ? childOf(current.trace) : tracing.start(),
    deadline: current?.deadline ?? Number.POSITIVE_INFINITY,
    ...(current?.spanAttributes && { spanAttributes: current.spanAttributes }),
    ...(token !== undefined && { token }),
    // A token says it itself.
    ...(token === undefined && current?.userId !== undefined && { userId: current.userId }),
  };
}

const TOKEN = /^[\x21-\x7e]*$/;

function headersOf(context: WorkContext, { caller, tracing }: ClientOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  const { trace, token } = context;
  // Who records nothing leaves it to those who do whether a trace that begins here is sampled.
  if (tracing.active || currentContext())
    headers.traceparent = formatTraceparent(trace.sampled ? trace : { ...trace, sampled: tracing.records(trace) });
  if (trace.state !== undefined) headers.tracestate = trace.state;
  headers['x-correlation-id'] = context.correlationId;
  const order = orderOf(context);
  if (order !== undefined) headers[ORDER_HEADER] = order;
  if (caller !== undefined) headers[CALLER_HEADER] = caller;
  if (context.userId !== undefined) headers[USER_HEADER] = context.userId;
  if (token === undefined) return headers;
  if (!TOKEN.test(token)) throw new TypeError('an access token has no such characters');
  headers.authorization = `Bearer ${token}`;
  return headers;
}

function observer(client: ClientOptions, method: MethodContract, context: WorkContext, request: unknown) {
  const startTime = Date.now();
  const start = performance.now();
  return (error: RemoteError | undefined, response?: unknown) => {
    const outcome = error && { ...outcomeOf(error), code: error.code, reason: error.reason };
    const duration = performance.now() - start;
    const messages = { request: request as object, response: response as object | undefined };
    const { target, observers = [] } = client;
    tell(observers, { side: 'client', target, method, context, ...messages, startTime, duration, outcome });
  };
}

function unaryCall(line: Line, method: GeneratedMethod, contract: MethodContract, options: ClientOptions) {
  const repeated = contract.retryable ? 'unavailable' : 'refused';
  const retries = options.retries ? repeated : 'none';
  return (request: unknown, callOptions?: CallOptions): Promise<unknown> => {
    const context = contextOf(options, callOptions);
    const ended = observer(options, contract, context, request);
    const deadline = deadlineOf(contract, context, callOptions);
    const headers = headersOf(context, options);
    return callOnce(line, method, request, { headers, deadline, retries }, callOptions, (code) =>
      code === status.OK
        ? options.tracing.want(context.trace, 'failure', 'elsewhere')
        : options.tracing.want(context.trace, wantedFor(code)),
    ).then(
      (response) => {
        ended(undefined, response);
        return response;
      },
      (error: RemoteError) => {
        ended(error);
        throw error;
      },
    );
  };
}

function deadlineOf(contract: MethodContract, context: WorkContext, options: CallOptions | undefined): number {
  return Math.min(Date.now() + (options?.timeout ?? contract.timeout), context.deadline);
}

function streamCall(client: Client, method: GeneratedMethod, contract: MethodContract, options: ClientOptions) {
  return async function* (request: unknown, callOptions?: CallOptions): AsyncGenerator<unknown> {
    const context = contextOf(options, callOptions);
    const ended = observer(options, contract, context, request);
    const { path, requestSerialize, responseDeserialize } = method;
    const stream: ClientReadableStream<unknown> = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadataOf(headersOf(context, options)),
      { deadline: deadlineOf(contract, context, callOptions) },
    );
    const release = onAbort(callOptions, () => stream.cancel());
    let failed: RemoteError | undefined;
    try {
      yield* stream;
    } catch (error) {
      failed =
        'code' in (error as object)
          ? remoteErrorOf(error as ServiceError)
          : new RemoteError(status.UNKNOWN, 'UNKNOWN', String(error));
      if (failed.code === status.CANCELLED && callOptions?.signal?.aborted) return;
      throw failed;
    } finally {
      release();
      stream.cancel();
      ended(failed);
    }
  };
}
