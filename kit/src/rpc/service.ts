import type { DescService } from '@bufbuild/protobuf';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { type MethodContract, methodContracts } from './contract.ts';
import { ResponseTooLarge } from './errors.ts';
import type { Encode, StreamHandler, UnaryHandler } from './handler.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import { type MethodConcerns, streamMethod, unaryMethod } from './method.ts';
import type { ServeUnary } from './server-call.ts';
import { requestDecoder } from './validation.ts';

/** A method as ts-proto generates it. */
export interface GeneratedMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the generated types narrow it again
  readonly requestSerialize: (value: any) => Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: the generated types narrow it again
  readonly requestDeserialize: (value: Buffer) => any;
  // biome-ignore lint/suspicious/noExplicitAny: the generated types narrow it again
  readonly responseSerialize: (value: any) => Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: the generated types narrow it again
  readonly responseDeserialize: (value: Buffer) => any;
}

export type GeneratedService = { readonly [method: string]: GeneratedMethod };

export type RequestOf<M extends GeneratedMethod> = ReturnType<M['requestDeserialize']>;
export type ResponseOf<M extends GeneratedMethod> = ReturnType<M['responseDeserialize']>;

/** The handlers that a generated service asks for. */
export type HandlersOf<S extends GeneratedService> = {
  readonly [K in keyof S]: S[K]['responseStream'] extends true
    ? StreamHandler<RequestOf<S[K]>, ResponseOf<S[K]>>
    : UnaryHandler<RequestOf<S[K]>, ResponseOf<S[K]>>;
};

/** A service ready to be served: its descriptor, and its methods once they are told what they share. */
export interface ServiceBinding {
  readonly descriptor: DescService;
  bind(concerns: MethodConcerns): BoundService;
}

export interface BoundService {
  readonly definition: ServiceDefinition;
  /** What grpc-js is to call, for streams. */
  readonly implementation: UntypedServiceImplementation;
  /** Unary methods by their path. */
  readonly unary: ReadonlyMap<string, ServeUnary>;
}

/** Binds handlers to a generated service. The wrapper of each method is composed once, when the server starts. */
export function serveService<S extends GeneratedService>(
  generated: S,
  descriptor: DescService,
  handlers: HandlersOf<S>,
): ServiceBinding {
  const contracts = methodContracts(descriptor);
  return {
    descriptor,
    bind(concerns) {
      const definition: Record<string, GeneratedMethod> = {};
      const implementation: UntypedServiceImplementation = {};
      const unary = new Map<string, ServeUnary>();
      for (const [name, method] of Object.entries(generated)) {
        const contract = contracts[name] as MethodContract;
        definition[name] = {
          ...method,
          requestDeserialize: requestDecoder(contract.input, method.requestDeserialize),
          responseSerialize: (encoded: Buffer) => encoded,
        };
        const handler = handlers[name] as never;
        const encode = encoder(method);
        if (!contract.stream) unary.set(method.path, unaryMethod(contract, handler, encode, concerns));
        implementation[name] = contract.stream ? streamMethod(contract, handler, encode, concerns) : servedBefore;
      }
      return { definition: definition as unknown as ServiceDefinition, implementation, unary };
    },
  };
}

function servedBefore(): never {
  throw new Error('unary calls do not come here: the server has an interceptor for them');
}

// Before grpc-js does it: what fails here is answered and logged like every other failure.
function encoder(method: GeneratedMethod): Encode<unknown> {
  return (response) => {
    const encoded = method.responseSerialize(response);
    if (encoded.byteLength > MAX_MESSAGE_BYTES) throw new ResponseTooLarge();
    return encoded;
  };
}
