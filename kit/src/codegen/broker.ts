import { type DescFile, getOption, hasOption } from '@bufbuild/protobuf';
import { event as eventPolicy, service as servicePolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { type EventRoute, permissionsOf, readerOf } from '../events/jetstream/permissions.ts';
import { type Contracts, type GeneratedFile, YAML_HEADER } from './output.ts';

/** `charts/backing/files/nats/<service>.yaml`: what the broker permits the user of a service. Throws when a contract names no service. */
export function brokerFiles({ files, services, edge }: Contracts): GeneratedFile[] {
  const routes = files.flatMap(routesOf);
  const names = [...services.map(({ name }) => name), ...(edge === undefined ? [] : [edge])];
  const unknown = routes
    .flatMap(({ owner, consumers }) => [owner, ...consumers])
    .filter((one) => !names.includes(readerOf(one)));
  if (unknown.length > 0) throw new Error(`owners and consumers of events that are no services: ${unknown.join(', ')}`);
  return names.map((service) => {
    const ownContract = services.find(({ name }) => name === service)?.grpc ?? [];
    const readsAll = ownContract.some(
      (one) => hasOption(one, servicePolicy) && getOption(one, servicePolicy).readsAllEvents,
    );
    const { publish, subscribe } = permissionsOf(service, routes, readsAll ? names : []);
    const content = `${YAML_HEADER}${list('publish', publish)}${list('subscribe', subscribe)}`;
    return { path: `charts/backing/files/nats/${service}.yaml`, content };
  });
}

function routesOf(file: DescFile): EventRoute[] {
  return file.messages.filter((one) => hasOption(one, eventPolicy)).map((one) => getOption(one, eventPolicy));
}

const list = (name: string, subjects: readonly string[]): string =>
  `${name}:\n${subjects.map((subject) => `  - "${subject}"\n`).join('')}`;
