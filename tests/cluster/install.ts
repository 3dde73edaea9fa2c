import { join } from 'node:path';
import { services } from '@weft/all/services';
import type { Cluster, Pod } from './cluster.ts';
import { makeNamespace } from './namespaces.ts';
import { run, seenBy } from './run.ts';

const ROOT = join(import.meta.dirname, '../..');
export const chart = (name: string) => join(ROOT, 'charts', name);
const SMALL = join(import.meta.dirname, 'values-small.yaml');

const WAIT = ['--wait', '--timeout', '8m'];
/** More than a pod may take to end. */
const ENDED_MS = 120_000;

export interface Installed {
  /** Milliseconds that it took until everything was ready. */
  readonly backing: number;
  readonly weft: number;
}

/** Installs what Weft stands on and Weft itself, with the values of staging, into the namespace; what was there goes first. */
export async function install(cluster: Cluster): Promise<Installed> {
  await makeNamespace(cluster, cluster.namespace);
  await run('helm', ['dependency', 'update', '--skip-refresh', chart('weft')], { within: 60_000 });
  const backing = await timed(() =>
    cluster.helm(['install', 'backing', chart('backing'), '--set', 'persistence.enabled=false', ...WAIT]),
  );
  const staging = join(chart('weft'), 'values-staging.yaml');
  const values = ['-f', staging, '-f', SMALL, ...ofRegistry(process.env.IMAGE_PREFIX)];
  const weft = await timed(() => cluster.helm(['install', 'weft', chart('weft'), ...values, ...WAIT]));
  return { backing, weft };
}

/** Changes values of what is installed, by their paths, and leaves the others as they are. Nothing is left of what was before. */
export async function changeValues(cluster: Cluster, values: Readonly<Record<string, string>>): Promise<void> {
  const set = Object.entries(values).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
  await cluster.helm(['upgrade', 'weft', chart('weft'), '--reset-then-reuse-values', ...set, ...WAIT]);
  // Pods that end go on handling events until they have.
  await seenBy(async () => {
    const { items } = await cluster.get<{ items: readonly Pod[] }>('pods', '-l', 'app.kubernetes.io/part-of=weft');
    return items.every(({ metadata }) => metadata.deletionTimestamp === undefined);
  }, ENDED_MS);
}

/** Images from where `npm run images` has put them, as a cluster takes them that it cannot hand any. */
const ofRegistry = (prefix: string | undefined): string[] =>
  prefix ? services.flatMap(({ spec }) => ['--set', `${spec.name}.image.repository=${prefix}`]) : [];

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Seconds from the start of a pod's own container until the pod was ready, to the second, as Kubernetes tells. */
export function secondsToReady({ metadata, status }: Pod): number {
  const own = status.containerStatuses?.find(({ name }) => name === metadata.labels['app.kubernetes.io/name']);
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return (Date.parse(ready?.lastTransitionTime ?? '') - Date.parse(own?.state.running?.startedAt ?? '')) / 1000;
}
