import { type DescMethodBiDiStreaming, type DescService, fromBinary, toBinary } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createConnectRouter, createContextKey, createContextValues } from '@connectrpc/connect';
import { MAX_MESSAGE_BYTES, reflection } from '@weft/kit/rpc';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../clients/contracts.ts';
import { connectErrorOf } from '../clients/error-details.ts';
import { failureOf } from '../edge/failure.ts';
import type { Answerer, Visit } from '../http/handler.ts';
import type { OpenStream } from '../limits/streams.ts';
import type { Shedding } from '../resilience/shedding.ts';
import { mount } from './mount.ts';

const QUESTION_BYTES = 65_536;
const visitKey = createContextKey<Visit | undefined>(undefined);

export interface StandardOptions {
  readonly services: readonly DescService[];
  readonly isServing: () => boolean;
  readonly shedding: Shedding;
  readonly openStream: OpenStream;
  /** Milliseconds in which a client has to ask all that it wants to know. */
  readonly bodyTimeout: number;
}

/** What tools and probes ask of any gRPC server: its health, and what it serves (reflection, v1 and v1alpha). */
export function answerStandard({ services, isServing, shedding, openStream, bodyTimeout }: StandardOptions): Answerer {
  const names = new Set(['', ...services.map(({ typeName }) => typeName)]);
  const answer = reflection(services);
  const router = createConnectRouter({ readMaxBytes: QUESTION_BYTES, writeMaxBytes: MAX_MESSAGE_BYTES });
  router.service(Health, {
    check({ service }) {
      if (!names.has(service)) throw new ConnectError('no such service here', Code.NotFound);
      return { status: isServing() ? Status.SERVING : Status.NOT_SERVING };
    },
  });
  const admitted = ({ address, correlationId }: Visit['arrival']) => {
    try {
      shedding.admit();
      return openStream(address, 'gateway');
    } catch (error) {
      throw connectErrorOf(failureOf(error), correlationId);
    }
  };
  for (const version of ['v1', 'v1alpha']) {
    router.rpc(reflectionMethod(version), async function* (questions, { values, signal }) {
      const { arrival } = values.get(visitKey) as Visit;
      const close = admitted(arrival);
      signal.addEventListener('abort', close, { once: true });
      try {
        for await (const question of questions) yield fromBinary(EmptySchema, answer(toBinary(EmptySchema, question)));
      } finally {
        close();
      }
    });
  }
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return async (visit) => {
    const handler = handlers.get(visit.path);
    if (!handler) return false;
    await mount(handler, visit, bodyTimeout, createContextValues().set(visitKey, visit));
    return true;
  };
}

/** Messages that stay encoded: an Empty keeps what it does not know. */
function reflectionMethod(version: string) {
  const parent = { kind: 'service', typeName: `grpc.reflection.${version}.ServerReflection` };
  const method = {
    kind: 'rpc',
    name: 'ServerReflectionInfo',
    localName: 'serverReflectionInfo',
    parent,
    methodKind: 'bidi_streaming',
    input: EmptySchema,
    output: EmptySchema,
    idempotency: 0,
  };
  return method as unknown as DescMethodBiDiStreaming<typeof EmptySchema, typeof EmptySchema>;
}
