import { type DescService, type FileRegistry, getOption, hasOption } from '@bufbuild/protobuf';
import { service as servicePolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import type { Contracts } from './output.ts';

const PACKAGE = /^weft\.([a-z][a-z0-9]*)\.v\d+$/;
const EDGE = /^edge=([a-z][a-z0-9-]*)$/;

/**
 * Sorts the contracts by service: `weft.orders.v1` is that of orders, and a gRPC service with `on_every_service` belongs to all.
 * @param parameter the plugin's options: `edge=<service>` names the one through which end users come in
 */
export function readContracts(registry: FileRegistry, parameter: string): Contracts {
  const files = [...registry.files]
    .filter(({ proto }) => PACKAGE.test(proto.package))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const shared: DescService[] = [];
  const byName = new Map<string, DescService[]>();
  for (const service of files.flatMap((file) => file.services)) {
    if (isOnEveryService(service)) {
      shared.push(service);
    } else {
      const name = PACKAGE.exec(service.file.proto.package)?.[1] as string;
      byName.set(name, [...(byName.get(name) ?? []), service]);
    }
  }
  const services = [...byName].map(([name, own]) => ({ name, grpc: own }));
  return { files, services: services.sort((a, b) => (a.name < b.name ? -1 : 1)), shared, edge: readEdge(parameter) };
}

function isOnEveryService(service: DescService): boolean {
  return hasOption(service, servicePolicy) && getOption(service, servicePolicy).onEveryService;
}

function readEdge(parameter: string): string | undefined {
  if (parameter === '') return undefined;
  const edge = EDGE.exec(parameter)?.[1];
  if (edge === undefined) throw new Error(`option "${parameter}" is not known: there is edge=<service>`);
  return edge;
}
