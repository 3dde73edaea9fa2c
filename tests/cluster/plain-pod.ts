import type { Cluster, Pod } from './cluster.ts';
import { seenBy } from './run.ts';

/** The test of a service's chart, run by a pod without a sidecar: how it ended and what it said. */
export async function plainPod(cluster: Cluster, service: string): Promise<{ phase: string; log: string }> {
  const manifest = await cluster.helm(['get', 'hooks', 'weft']);
  const hook = manifest.split(/^---$/m).find((one) => one.includes(`name: ${service}-test-health`));
  if (!hook) throw new Error(`the release has no test of ${service}`);
  const name = `${service}-plain`;
  const pod = hook
    .replace(`name: ${service}-test-health`, `name: ${name}`)
    .replace('sidecar.istio.io/inject: "true"', 'sidecar.istio.io/inject: "false"');
  if (!pod.includes('inject: "false"')) throw new Error('the test pod says nothing of its sidecar');
  await cluster.kubectl(['delete', 'pod', name, '--ignore-not-found', '--wait'], '', 120_000);
  await cluster.kubectl(['create', '-f', '-'], pod);
  try {
    return await seenBy(async () => {
      const { phase } = (await cluster.get<Pod>('pod', name)).status;
      if (phase !== 'Succeeded' && phase !== 'Failed') throw new Error(`pod ${name} is ${phase}`);
      return { phase, log: await cluster.kubectl(['logs', name]) };
    }, 120_000);
  } finally {
    await cluster.kubectl(['delete', 'pod', name, '--ignore-not-found', '--wait=false']);
  }
}
