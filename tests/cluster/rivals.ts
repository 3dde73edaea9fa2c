import type { Cluster } from './cluster.ts';

type Labels = Readonly<Record<string, string>>;

interface Found<T> {
  readonly items: readonly (T & {
    readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Labels };
  })[];
}

interface Gateway {
  readonly spec: {
    readonly selector?: Labels;
    readonly servers?: readonly { readonly port: { readonly number: number }; readonly hosts: readonly string[] }[];
  };
}

/** "*" of any namespace: `*`, `./*`, `shop/*`. */
const isEveryHost = (host: string) => host.split('/').at(-1) === '*';

/**
 * Why what calls by the ingress would not reach the tests' own system: a Gateway of another namespace has every host of port 80 of the
 * same ingress, and the routes of whoever was there first win.
 */
export async function whyNotReached(cluster: Cluster): Promise<string | undefined> {
  const all = async <T>(...args: readonly string[]) => await cluster.get<Found<T>>(...args, '--all-namespaces');
  const pods = (await all('pods', '-l', 'istio=ingressgateway')).items.map(({ metadata }) => metadata.labels ?? {});
  const isOfIngress = (selector: Labels = {}) =>
    pods.some((labels) => Object.entries(selector).every(([name, value]) => labels[name] === value));
  const rival = (await all<Gateway>('gateways.networking.istio.io')).items.find(
    ({ metadata, spec }) =>
      metadata.namespace !== cluster.namespace &&
      isOfIngress(spec.selector) &&
      spec.servers?.some(({ port, hosts }) => port.number === 80 && hosts.some(isEveryHost)),
  );
  if (!rival) return undefined;
  const { namespace, name } = rival.metadata;
  return `Gateway ${namespace}/${name} has every host of port 80 of the ingress, so its routes would answer, not those of ${cluster.namespace}; uninstall it or use another cluster`;
}
