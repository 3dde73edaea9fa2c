import type { Cluster } from './cluster.ts';

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly {
      readonly name: string;
      readonly memory?: { readonly workingSetBytes?: number };
    }[];
  }[];
}

/** Working sets of the containers of a name in our pods, in bytes, as the kubelets tell. Empty where they may not be asked. */
export async function workingSets(cluster: Cluster, isWanted: (container: string) => boolean): Promise<number[]> {
  const { items } = await cluster.get<{ items: readonly { metadata: { name: string } }[] }>('nodes');
  const summaries = await Promise.all(
    items.map(async ({ metadata }) => {
      const path = `/api/v1/nodes/${metadata.name}/proxy/stats/summary`;
      const text = await cluster.kubectl(['get', '--raw', path]).catch(() => '{"pods": []}');
      return JSON.parse(text) as Summary;
    }),
  );
  return summaries
    .flatMap(({ pods }) => pods)
    .filter(({ podRef }) => podRef.namespace === cluster.namespace)
    .flatMap(({ containers = [] }) => containers)
    .filter(({ name }) => isWanted(name))
    .flatMap(({ memory }) => memory?.workingSetBytes ?? []);
}

/** A line of the figures that a run ends with. */
export const figure = (name: string, value: string): void => console.log(`${name.padEnd(34)} ${value}`);

/** Names the figure, gives the smallest, the median and the largest. */
export function spread(name: string, values: readonly number[], unit: string): void {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(0);
  figure(name, `${at(0)} … ${at(0.5)} … ${at(1)} ${unit} (${sorted.length})`);
}
