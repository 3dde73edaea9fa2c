import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { type KubeObject, objectsOf, podsOf, RELEASES, render } from '../charts/render.ts';
import { dropNamespace, makeNamespace } from './namespaces.ts';
import { isThere, run } from './run.ts';
import { writeSchemas } from './schemas.ts';
import type { Part } from './whole.ts';

/** Kinds of operators that a cluster need not have. */
const OPTIONAL = ['PodMonitor'];

const SCHEMA = '{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json';

/** For another namespace, where the ServiceAccounts that a pod would need are not. */
function elsewhere({ metadata, spec, ...rest }: KubeObject): object {
  const { namespace: _, ...named } = metadata as KubeObject['metadata'] & { namespace?: string };
  if (rest.kind !== 'Pod') return { ...rest, metadata: named, ...(spec && { spec }) };
  const { serviceAccountName: _account, ...pod } = spec;
  return { ...rest, metadata: named, spec: pod };
}

/** What every values file puts in a cluster is what its API knows. */
export const valid: Part = (system) => {
  const known = (objects: readonly KubeObject[]) => objects.filter(({ kind }) => !OPTIONAL.includes(kind));

  it('is sent nothing that its API does not know, in any environment', async () => {
    for (const [name, release] of Object.entries(RELEASES)) {
      const items = known(objectsOf(render(release))).map(elsewhere);
      const args = ['-n', 'default', 'create', '--dry-run=server', '--validate=strict', '-o', 'name', '-f', '-'];
      const list = { apiVersion: 'v1', kind: 'List', items };
      const said = await system().cluster.kubectl(args, JSON.stringify(list), 300_000);
      assert.equal(said.trim().split('\n').length, items.length, name);
    }
  });

  it('passes kubeconform with the schemas of the cluster', async (test) => {
    if (!(await isThere('kubeconform', '-v'))) return test.skip('kubeconform is not on the path');
    const folder = await mkdtemp(join(tmpdir(), 'weft-schemas-'));
    try {
      const files: string[] = [];
      const versions = new Set<string>();
      for (const [name, release] of Object.entries(RELEASES)) {
        const text = render(release);
        for (const { apiVersion } of known(objectsOf(text))) versions.add(apiVersion);
        files.push(join(folder, `${name}.yaml`));
        await writeFile(files.at(-1) as string, text);
      }
      await writeSchemas(system().cluster, [...versions], folder);
      const from = ['-schema-location', join(folder, SCHEMA), '-skip', OPTIONAL.join(',')];
      const said = await run('kubeconform', ['-strict', '-summary', ...from, ...files], { within: 120_000 });
      assert.match(said, /Invalid: 0, Errors: 0/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('runs our containers where nothing but the restricted Pod Security standard is allowed', async () => {
    const { cluster } = system();
    const namespace = `${cluster.namespace}-restricted`;
    await makeNamespace(cluster, namespace, { 'pod-security.kubernetes.io/enforce': 'restricted' });
    try {
      // What Istio adds is Istio's: without its CNI plugin, a container with rights.
      const objects = [
        ...objectsOf(render({ chart: 'service', set: ['name=orders', 'mesh.enabled=false'] })),
        ...objectsOf(render({ chart: 'backing', set: ['seed=test', 'persistence.enabled=false'] })),
      ];
      const pods = podsOf(objects).map(({ of, labels, pod: { serviceAccountName, ...spec } }) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: of.toLowerCase().replaceAll('/', '-'), labels },
        spec: { ...spec, restartPolicy: 'Never' },
      }));
      assert.ok(pods.length >= 5);
      const list = { apiVersion: 'v1', kind: 'List', items: pods };
      await cluster.kubectl(['-n', namespace, 'create', '--dry-run=server', '-f', '-'], JSON.stringify(list));
      const bad = { ...pods[0], spec: { ...pods[0]?.spec, securityContext: {} } };
      const refused = cluster.kubectl(['-n', namespace, 'create', '--dry-run=server', '-f', '-'], JSON.stringify(bad));
      await assert.rejects(refused, /violates PodSecurity/);
    } finally {
      await dropNamespace(cluster, namespace, false);
    }
  });
};
