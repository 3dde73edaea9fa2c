import { type DescMethod, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import {
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { MAX_MESSAGE_BYTES } from '@weft/kit/rpc';
import { connectErrorOf, isConnectError } from '../clients/error-details.ts';
import type { Arrival } from '../edge/arrival.ts';
import type { Admission, Edge } from '../edge/edge.ts';
import { failureOf, retryHeaders } from '../edge/failure.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import { ageHeaders } from '../http/age.ts';
import type { Answerer, Visit } from '../http/handler.ts';
import { fromUtf8 } from '../http/utf8.ts';
import { Limited, rateLimitHeaders } from '../limits/rate-limits.ts';
import { passEncoded } from './encoded.ts';
import { mount } from './mount.ts';
import { wireOf } from './wire.ts';

const visitKey = createContextKey<Visit | undefined>(undefined);
const admissionKey = createContextKey<Admission | undefined>(undefined);

// The decoder is the serialization's own option, which the router passes on.
const jsonOptions = { ignoreUnknownFields: false, textDecoder: { decode: fromUtf8 } };

export interface ConnectOptions {
  readonly edge: Edge;
  readonly methods: ReadonlyMap<string, EdgeMethod>;
  readonly shutdown: AbortSignal;
  readonly bodyTimeout: number;
  readonly onUnexpected: (error: unknown, arrival: Arrival) => void;
}

/** Connect, gRPC-Web and gRPC, for every method of the table. */
export function answerConnect({ edge, methods, shutdown, bodyTimeout, onUnexpected }: ConnectOptions): Answerer {
  const handlersOf = (json: boolean) => {
    const router = createConnectRouter({
      acceptCompression: [compressionGzip, compressionBrotli],
      readMaxBytes: MAX_MESSAGE_BYTES,
      writeMaxBytes: MAX_MESSAGE_BYTES,
      shutdownSignal: shutdown,
      jsonOptions,
      requestGate: gate,
    });
    for (const method of methods.values()) route(router, method, json);
    return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  };
  const binary = handlersOf(false);
  const json = handlersOf(true);

  /** Before anything of the body is read. */
  async function gate(context: HandlerContext): Promise<void> {
    const visit = context.values.get(visitKey) as Visit;
    const method = methods.get(visit.path.slice(1)) as EdgeMethod;
    const timeout = context.timeoutMs();
    if (timeout !== undefined) visit.arrival.deadline = Date.now() + timeout;
    try {
      const admission = await edge.admit(method, visit.arrival);
      context.values.set(admissionKey, admission);
      copyHeaders(context, rateLimitHeaders(admission.limit));
    } catch (error) {
      copyHeaders(context, limitOf(error));
      edge.refused(method, visit.arrival, error);
      throw told(error, visit);
    }
  }

  function route(router: ConnectRouter, method: EdgeMethod, decoded: boolean): void {
    const { descriptor } = method;
    // An Empty keeps fields that it does not know as they came: nothing below the first level is read.
    const open: DescMethod = decoded
      ? descriptor
      : ({ ...descriptor, input: EmptySchema, output: EmptySchema } as never);
    const encode = (message: Message) => toBinary(open.input, message);
    const decode = (bytes: Uint8Array) => fromBinary(open.output, bytes);
    const found = (context: HandlerContext) => ({
      visit: context.values.get(visitKey) as Visit,
      user: context.values.get(admissionKey)?.user,
    });
    if (descriptor.methodKind === 'server_streaming') {
      router.rpc(open as DescMethod & { methodKind: 'server_streaming' }, async function* (request, context) {
        const { visit, user } = found(context);
        try {
          for await (const bytes of edge.stream(method, encode(request), visit.arrival, user)) yield decode(bytes);
        } catch (error) {
          throw told(error, visit);
        }
      });
      return;
    }
    router.rpc(open as DescMethod & { methodKind: 'unary' }, async (request, context) => {
      const { visit, user } = found(context);
      try {
        const { bytes, age, stale } = await edge.call(method, encode(request), visit.arrival, user);
        if (age !== undefined) copyHeaders(context, ageHeaders(age, stale));
        return decode(bytes);
      } catch (error) {
        throw told(error, visit);
      }
    });
  }

  function told(error: unknown, { arrival }: Visit) {
    if (isConnectError(error)) return error;
    const failure = failureOf(error);
    if (failure.unexpected) onUnexpected(error, arrival);
    return connectErrorOf(failure, arrival.correlationId, retryHeaders(failure));
  }

  const limitOf = (error: unknown) => (error instanceof Limited ? rateLimitHeaders(error.limit) : {});
  const pass = passEncoded({ edge, bodyTimeout, told, limitOf });

  return async (visit) => {
    const method = methods.get(visit.path.slice(1));
    if (!method) return false;
    const { request, query } = visit;
    const wire = method.contract.stream ? undefined : wireOf(request);
    if (wire) {
      await pass(visit, method, wire);
      return true;
    }
    const type = request.headers['content-type'] ?? '';
    const asJson = type.includes('json') || (request.method === 'GET' && query.includes('encoding=json'));
    const handler = (asJson ? json : binary).get(visit.path);
    if (!handler) return false;
    const values = createContextValues().set(visitKey, visit);
    await mount(handler, visit, bodyTimeout, values);
    return true;
  };
}

function copyHeaders(context: HandlerContext, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) context.responseHeader.set(name, value);
}
