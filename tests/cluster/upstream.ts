import { join } from 'node:path';
import { eventually } from '@weft/kit/testing';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';
import { dropNamespace, makeNamespace } from './namespaces.ts';
import { run } from './run.ts';
import { type Probed, podReady, probe, removePod, type ScriptPod, type Step, startPod } from './script-pod.ts';

const CHART = join(import.meta.dirname, '../../charts/service');
const KINDS = new Set(['VirtualService', 'DestinationRule', 'AuthorizationPolicy', 'PeerAuthentication', 'Service']);
// The objects are applied to whatever version there is.
const KUBERNETES = '1.34.0';
const PROBER = 'prober';

/** A stand-in for users behind the very objects that charts/service makes of its contract, and somebody who calls it. */
export interface Upstream {
  readonly namespace: string;
  /** Applies the chart's objects with other values, and waits until callers know of them. */
  configure(values: object): Promise<void>;
  add(name: string, track: 'stable' | 'canary', argument?: string): Promise<void>;
  remove(name: string): Promise<void>;
  call(...steps: readonly Omit<Step, 'target'>[]): Promise<Probed[][]>;
  drop(): Promise<void>;
}

export async function openUpstream(cluster: Cluster, image: string): Promise<Upstream> {
  const namespace = `${cluster.namespace}-upstream`;
  const target = `users.${namespace}.svc.cluster.local:50051`;
  const apply = (...objects: readonly object[]) =>
    cluster.kubectl(
      ['--namespace', namespace, 'apply', '-f', '-'],
      objects.map((one) => JSON.stringify(one)).join('\n---\n'),
    );
  const podOf = (name: string, track: string): ScriptPod => ({
    name,
    namespace,
    account: 'users',
    image,
    script: 'upstream.mjs',
    labels: { 'app.kubernetes.io/name': 'users', 'weft.dev/track': track },
  });
  await makeNamespace(cluster, namespace);
  for (const name of [PROBER, 'users'])
    await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  let version = 0;
  return {
    namespace,
    async configure(values) {
      const own = { name: 'users', mesh: { edges: [PROBER], ingress: { enabled: false } }, ...values };
      const text = await run(
        'helm',
        ['template', 'users', CHART, '--kube-version', KUBERNETES, '--namespace', namespace, '--values', '-'],
        {
          input: JSON.stringify(own),
        },
      );
      const objects = parseAllDocuments(text).map((document) => document.toJS() as { kind: string; metadata: object });
      version++;
      await apply(
        ...objects
          .filter((one) => one && KINDS.has(one.kind))
          .map((one) => ({ ...one, metadata: { ...one.metadata, annotations: { 'weft.dev/version': `${version}` } } })),
      );
    },
    async add(name, track, argument) {
      const pod = { ...podOf(name, track), ...(argument !== undefined && { argument }) };
      await startPod(cluster, pod);
      await podReady(cluster, pod);
    },
    remove: (name) => removePod(cluster, { name, namespace }),
    call: (...steps) =>
      probe(
        cluster,
        { name: PROBER, namespace, account: PROBER, image },
        steps.map((one) => ({ target, ...one })),
      ),
    drop: () => dropNamespace(cluster, namespace, false),
  };
}

/** Calls until the answers are as the condition has it: what is configured is known to callers a moment later. */
export async function settled(upstream: Upstream, step: Omit<Step, 'target'>, holds: (all: Probed[]) => boolean) {
  return await eventually(async () => {
    const [all = []] = await upstream.call(step);
    if (!holds(all)) throw new Error(`not yet: ${JSON.stringify(all.slice(0, 3))}`);
    return all;
  }, 120_000);
}
