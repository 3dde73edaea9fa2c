import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster, Pod } from './cluster.ts';
import { seenBy } from './run.ts';

export interface ScriptPod {
  readonly name: string;
  /** In the test's own namespace where it is left out. */
  readonly namespace?: string;
  readonly account: string;
  readonly image: string;
  /** In tests/cluster/pods. */
  readonly script: string;
  readonly argument?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** False: without a sidecar. */
  readonly meshed?: boolean;
}

const inNamespace = (namespace: string | undefined) => (namespace === undefined ? [] : ['--namespace', namespace]);

/** Starts a pod in the mesh that runs a script with the Node of a service's image. */
export async function startPod(cluster: Cluster, pod: ScriptPod): Promise<void> {
  const script = await readFile(join(import.meta.dirname, 'pods', pod.script), 'utf8');
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      labels: { 'sidecar.istio.io/inject': `${pod.meshed ?? true}`, 'weft.dev/test': 'mesh', ...pod.labels },
    },
    spec: {
      serviceAccountName: pod.account,
      automountServiceAccountToken: false,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'script',
          image: pod.image,
          ports: [
            { name: 'grpc', containerPort: 50051 },
            { name: 'ops', containerPort: 9464 },
          ],
          args: ['--input-type=module', '--eval', script, ...(pod.argument === undefined ? [] : [pod.argument])],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
  await removePod(cluster, pod);
  await cluster.kubectl([...inNamespace(pod.namespace), 'create', '-f', '-'], JSON.stringify(manifest));
}

export async function removePod(cluster: Cluster, { name, namespace }: Pick<ScriptPod, 'name' | 'namespace'>) {
  const args = [...inNamespace(namespace), 'delete', 'pod', name, '--ignore-not-found', '--wait'];
  await cluster.kubectl(args, '', 120_000);
}

async function phaseOf(cluster: Cluster, { name, namespace }: ScriptPod): Promise<Pod['status']> {
  const text = await cluster.kubectl([...inNamespace(namespace), 'get', 'pod', name, '-o', 'json']);
  return (JSON.parse(text) as Pod).status;
}

/** Waits until a pod serves. */
export async function podReady(cluster: Cluster, pod: ScriptPod): Promise<void> {
  await seenBy(async () => {
    const { conditions, phase } = await phaseOf(cluster, pod);
    if (!conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
      throw new Error(`pod ${pod.name} is ${phase}`);
  }, 180_000);
}

export interface Step {
  readonly target: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly times?: number;
  readonly parallel?: number;
}

/** What came of a call: its gRPC code, or -1 and why there was none, and what the script upstream says of itself. */
export interface Probed {
  readonly code: number;
  readonly message: string;
  readonly ms: number;
  readonly pod?: string;
  readonly count?: number;
  readonly seen?: string;
}

/** Makes calls from a pod with this service account, one step after the other. */
export async function probe(
  cluster: Cluster,
  pod: Omit<ScriptPod, 'script' | 'argument'>,
  steps: readonly Step[],
): Promise<Probed[][]> {
  const prober: ScriptPod = { ...pod, script: 'prober.mjs', argument: JSON.stringify(steps) };
  await startPod(cluster, prober);
  try {
    await seenBy(async () => {
      const { phase } = await phaseOf(cluster, prober);
      if (phase !== 'Succeeded' && phase !== 'Failed') throw new Error(`pod ${pod.name} is ${phase}`);
    }, 300_000);
    const log = await cluster.kubectl([...inNamespace(pod.namespace), 'logs', pod.name, '--container', 'script']);
    return JSON.parse(log) as Probed[][];
  } finally {
    await removePod(cluster, pod);
  }
}
