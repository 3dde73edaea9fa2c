import { create, type DescMessage, type DescMethod, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  type HealthListResponse,
  HealthListResponseSchema,
  Health as HealthService,
  HealthCheckResponse_ServingStatus as HealthStatus,
} from '@weft/gen/es/grpc/health/v1/health_pb';
import type { Logger } from '../telemetry/index.ts';
import { type Dependency, watchDependencies } from './dependencies.ts';

export interface HealthState {
  readonly serving: boolean;
  /** 'ok' or why not, by the dependency's name. */
  readonly dependencies: Readonly<Record<string, string>>;
}

export interface Health {
  addTo(server: Server): void;
  /** Begins to serve, and to check the dependencies every second. */
  start(): Promise<void>;
  /** Says NOT_SERVING from now on. */
  stop(): void;
  /** Ends every Watch: their callers would hold the server open. */
  endWatches(): void;
  state(): HealthState;
}

interface Watch {
  readonly known: boolean;
  readonly call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;
}

const DEFINITION: ServiceDefinition = Object.fromEntries(
  HealthService.methods.map((method) => [method.localName, definitionOf(method)]),
);

function definitionOf({ name, input, output, methodKind }: DescMethod) {
  return {
    path: `/${HealthService.typeName}/${name}`,
    requestStream: false,
    responseStream: methodKind === 'server_streaming',
    requestSerialize: encoder(input),
    requestDeserialize: decoder(input),
    responseSerialize: encoder(output),
    responseDeserialize: decoder(output),
  };
}

function encoder<D extends DescMessage>(message: D) {
  return (value: MessageShape<D>) => Buffer.from(toBinary(message, value));
}

function decoder<D extends DescMessage>(message: D) {
  return (bytes: Buffer) => fromBinary(message, bytes);
}

/** gRPC health of a server and its services: SERVING only while every dependency that is needed is well. Source: grpc.health.v1. */
export function createHealth(
  services: readonly string[],
  checks: Readonly<Record<string, Dependency>>,
  logger: Logger,
): Health {
  const names = new Set(['', ...services]);
  const watches = new Set<Watch>();
  let serving = false;

  const become = (now: boolean) => {
    if (now === serving) return;
    serving = now;
    for (const { known, call } of watches) if (known) call.write(answer());
  };
  const answerOf = (found: HealthStatus) => create(HealthCheckResponseSchema, { status: found });
  const answer = () => answerOf(serving ? HealthStatus.SERVING : HealthStatus.NOT_SERVING);
  const implementation = {
    check(
      { request }: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
      callback: sendUnaryData<HealthCheckResponse>,
    ) {
      if (names.has(request.service)) callback(null, answer());
      else callback({ code: status.NOT_FOUND, details: 'no such service here' });
    },
    watch(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) {
      const watch = { known: names.has(call.request.service), call };
      watches.add(watch);
      call.on('cancelled', () => watches.delete(watch));
      call.write(watch.known ? answer() : answerOf(HealthStatus.SERVICE_UNKNOWN));
    },
    list(_: unknown, callback: sendUnaryData<HealthListResponse>) {
      const statuses = Object.fromEntries([...names].map((name) => [name, answer()]));
      callback(null, create(HealthListResponseSchema, { statuses }));
    },
  };
  const dependencies = watchDependencies(checks, logger, become);
  return {
    addTo: (server) => server.addService(DEFINITION, implementation),
    start: dependencies.start,
    stop: () => {
      dependencies.stop();
      become(false);
    },
    endWatches: () => {
      for (const { call } of watches) call.end();
    },
    state: () => ({ serving, dependencies: dependencies.state() }),
  };
}
