import type { DescService } from '@bufbuild/protobuf';
import { type MethodContract, methodContracts } from '../rpc/contract.ts';
import { MAX_ATTEMPTS } from '../rpc/limits.ts';
import type { Contracts, GeneratedFile, ServiceContract } from './output.ts';

/** What the mesh is to know of a method. */
interface MeshMethod {
  readonly name: string;
  /** Of a gRPC request. */
  readonly path: string;
  /** Milliseconds; 0 for a stream, which has none. */
  readonly timeoutMs: number;
  /** How often it may be tried again. */
  readonly retries: number;
  /** Services that may call it on their own authority. */
  readonly callers: readonly string[];
  /** End users may call it, so that whatever lets them in may. */
  readonly users: boolean;
}

/** What the mesh is to know of a service: intent, which charts/service makes objects of. */
interface MeshService {
  readonly service: string;
  /** Services that it calls. */
  readonly calls: readonly string[];
  /** Services that may call any of its methods. */
  readonly callers: readonly string[];
  readonly users: boolean;
  readonly grpc: readonly { readonly service: string; readonly methods: readonly MeshMethod[] }[];
}

const HEADER = '# Written by protoc-gen-weft from the contracts: change proto/, then `npm run gen`.\n';

/** `charts/service/files/mesh/<service>.yaml`. Throws when a contract admits a caller that there is not. */
export function meshFiles(contracts: Contracts): GeneratedFile[] {
  return meshServices(contracts).map((intent) => ({
    path: `charts/service/files/mesh/${intent.service}.yaml`,
    content: `${HEADER}${yaml(intent)}`,
  }));
}

function meshServices({ services, edge }: Contracts): MeshService[] {
  const known = new Set([...services.map(({ name }) => name), ...(edge === undefined ? [] : [edge])]);
  const served = services.map(({ name, grpc }) => ({ name, grpc: grpc.map(describe) }));
  const admits = served.map(({ name, grpc }) => {
    const methods = grpc.flatMap((one) => one.methods);
    const unknown = methods.flatMap(({ path, callers }) =>
      callers.filter((one) => !known.has(one)).map((one) => `${path}: ${one}`),
    );
    if (unknown.length > 0) throw new Error(`callers that are no services: ${unknown.join(', ')}`);
    const users = methods.some((method) => method.users);
    return {
      name,
      users,
      callers: new Set([...methods.flatMap(({ callers }) => callers), ...(users && edge ? [edge] : [])]),
    };
  });
  return [...known].sort().map((service) => {
    const own = admits.find(({ name }) => name === service);
    return {
      service,
      calls: admits.filter(({ callers }) => callers.has(service)).map(({ name }) => name),
      callers: [...(own?.callers ?? [])].sort(),
      users: own?.users ?? false,
      grpc: served.find(({ name }) => name === service)?.grpc ?? [],
    };
  });
}

function describe(service: ServiceContract['grpc'][number]): MeshService['grpc'][number] {
  return { service: service.typeName, methods: methodsOf(service) };
}

function methodsOf(service: DescService): MeshMethod[] {
  const contracts = methodContracts(service);
  return service.methods.map(({ name, localName }) => {
    const contract = contracts[localName] as MethodContract;
    return {
      name,
      path: `/${contract.name}`,
      timeoutMs: contract.stream ? 0 : contract.timeout,
      retries: contract.retryable && !contract.stream ? MAX_ATTEMPTS - 1 : 0,
      callers: [...contract.callers].sort(),
      users: contract.roles.size > 0,
    };
  });
}

// Names, numbers and flags alone: nothing has to be quoted.
function yaml({ service, calls, callers: all, users, grpc }: MeshService): string {
  const lines = [
    `service: ${service}`,
    `calls: [${calls.join(', ')}]`,
    `callers: [${all.join(', ')}]`,
    `users: ${users}`,
    grpc.length === 0 ? 'grpc: []' : 'grpc:',
  ];
  for (const one of grpc) {
    lines.push(`  - service: ${one.service}`, '    methods:');
    for (const { name, path, timeoutMs, retries, callers, users: byUsers } of one.methods) {
      lines.push(`      - name: ${name}`, `        path: ${path}`, `        timeoutMs: ${timeoutMs}`);
      lines.push(
        `        retries: ${retries}`,
        `        callers: [${callers.join(', ')}]`,
        `        users: ${byUsers}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
