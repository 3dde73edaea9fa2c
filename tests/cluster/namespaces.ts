import type { Cluster } from './cluster.ts';

const LABEL = 'weft.dev/test';

interface Namespace {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
}

/** Why the tests keep away from a namespace: it is there, and they have not made it. */
export async function whyNotOurs(cluster: Cluster, name: string): Promise<string | undefined> {
  const text = await cluster.kubectl(['get', 'namespace', name, '--ignore-not-found', '-o', 'json']);
  if (text.trim() === '') return undefined;
  const { labels } = (JSON.parse(text) as Namespace).metadata;
  if (labels?.[LABEL] === 'true') return undefined;
  return `namespace ${name} is not of these tests (no label ${LABEL}=true): nothing is deleted or installed there; WEFT_TEST_NAMESPACE names another`;
}

/** An empty namespace with the tests' label; what they left in it goes first. Throws where it is somebody else's. */
export async function makeNamespace(
  cluster: Cluster,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  await dropNamespace(cluster, name);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...labels, [LABEL]: 'true' } } };
  await cluster.kubectl(['create', '-f', '-'], JSON.stringify(namespace));
}

/** Deletes a namespace that the tests have made, if it is there. Throws where it is somebody else's. */
export async function dropNamespace(cluster: Cluster, name: string, wait = true): Promise<void> {
  const why = await whyNotOurs(cluster, name);
  if (why) throw new Error(why);
  await cluster.kubectl(['delete', 'namespace', name, '--ignore-not-found', `--wait=${wait}`], '', 300_000);
}
