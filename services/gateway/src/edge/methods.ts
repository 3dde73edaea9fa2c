import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type GeneratedService, type MethodContract, methodContracts } from '@weft/kit/rpc';
import { serviceOf } from '../clients/contracts.ts';

/** A method that the edge offers. */
export interface EdgeMethod {
  /** Name of the service behind it. */
  readonly service: string;
  readonly descriptor: DescMethod;
  readonly contract: MethodContract;
  /** `/weft.orders.v1.OrdersService/PlaceOrder`. */
  readonly path: string;
}

/** Every method that its contract gives to end users, by `weft.orders.v1.OrdersService/PlaceOrder`. Throws where one streams requests. */
export function edgeMethods(contracts: readonly DescService[]): ReadonlyMap<string, EdgeMethod> {
  const methods = new Map<string, EdgeMethod>();
  for (const descriptor of contracts) {
    const policies = methodContracts(descriptor);
    for (const method of descriptor.methods) {
      const contract = policies[method.localName] as MethodContract;
      if (contract.roles.size === 0) continue;
      if (method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming')
        throw new Error(`${contract.name}: the edge passes on no streams of requests`);
      methods.set(contract.name, {
        service: serviceOf(descriptor),
        descriptor: method,
        contract,
        path: `/${contract.name}`,
      });
    }
  }
  return methods;
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** A service whose messages stay encoded: what nothing transforms is passed on as it came. */
export function encodedService(descriptor: DescService): GeneratedService {
  return Object.fromEntries(
    descriptor.methods.map((method) => [
      method.localName,
      {
        path: `/${descriptor.typeName}/${method.name}`,
        requestStream: false,
        responseStream: method.methodKind === 'server_streaming',
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
}
