import type { DescService } from '@bufbuild/protobuf';
import { type MethodContract, methodContracts } from '../rpc/contract.ts';
import { MAX_ATTEMPTS } from '../rpc/limits.ts';
import { type Contracts, type GeneratedFile, YAML_HEADER } from './output.ts';

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

interface MeshGrpcService {
  readonly service: string;
  /** Every service with a contract of its own serves it. */
  readonly shared: boolean;
  readonly methods: readonly MeshMethod[];
}

/** What the mesh is to know of a service: intent, which charts/service makes objects of. */
interface MeshService {
  readonly service: string;
  /** Services that it calls. */
  readonly calls: readonly string[];
  /** Services that may call any of its methods. */
  readonly callers: readonly string[];
  readonly grpc: readonly MeshGrpcService[];
}

/** `charts/service/files/mesh/<service>.yaml`. Throws when a contract admits a caller that is no service. */
export function meshFiles(contracts: Contracts): GeneratedFile[] {
  return meshServices(contracts).map((intent) => ({
    path: `charts/service/files/mesh/${intent.service}.yaml`,
    content: `${YAML_HEADER}${yaml(intent)}`,
  }));
}

function meshServices({ services, shared, edge }: Contracts): MeshService[] {
  const everywhere = shared.map((one) => describe(one, true));
  const grpcOf = new Map(services.map(({ name, grpc }) => [name, grpc.map((one) => describe(one, false))]));
  const names = [...new Set([...grpcOf.keys(), ...(edge === undefined ? [] : [edge])])].sort();
  const callersOf = new Map(names.map((name) => [name, callersIn(grpcOf.get(name) ?? [], edge)]));
  for (const [service, callers] of callersOf) {
    const unknown = callers.filter((caller) => !names.includes(caller));
    if (unknown.length > 0) throw new Error(`callers of ${service} that are no services: ${unknown.join(', ')}`);
  }
  return names.map((service) => ({
    service,
    calls: names.filter((name) => callersOf.get(name)?.includes(service)),
    callers: callersOf.get(service) ?? [],
    // The edge has no contract of its own, and serves what the others offer by other means.
    grpc: grpcOf.has(service) ? [...(grpcOf.get(service) ?? []), ...everywhere] : [],
  }));
}

function callersIn(grpc: readonly MeshGrpcService[], edge: string | undefined): string[] {
  const methods = grpc.flatMap((one) => one.methods);
  const users = edge !== undefined && methods.some((method) => method.users) ? [edge] : [];
  return [...new Set([...methods.flatMap(({ callers }) => callers), ...users])].sort();
}

function describe(service: DescService, shared: boolean): MeshGrpcService {
  const contracts = methodContracts(service);
  const methods = service.methods.map(({ name, localName }) => {
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
  return { service: service.typeName, shared, methods };
}

// Names, numbers and flags alone: nothing has to be quoted.
function yaml({ service, calls, callers: all, grpc }: MeshService): string {
  const lines = [`service: ${service}`, `calls: [${calls.join(', ')}]`, `callers: [${all.join(', ')}]`];
  lines.push(grpc.length > 0 ? 'grpc:' : 'grpc: []');
  for (const { service: name, shared, methods } of grpc) {
    lines.push(`  - service: ${name}`, `    shared: ${shared}`, '    methods:');
    for (const { name: method, path, timeoutMs, retries, callers, users } of methods) {
      lines.push(`      - name: ${method}`, `        path: ${path}`, `        timeoutMs: ${timeoutMs}`);
      lines.push(`        retries: ${retries}`, `        callers: [${callers.join(', ')}]`, `        users: ${users}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
