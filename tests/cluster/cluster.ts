import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from './run.ts';

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly ready: boolean;
      readonly restartCount: number;
      readonly state: { readonly running?: { readonly startedAt: string } };
    }[];
  };
}

/** The cluster that kubectl's current context names, and the namespace of it that the tests have to themselves. */
export interface Cluster {
  readonly context: string;
  readonly namespace: string;
  /** In the namespace. */
  kubectl(args: readonly string[], input?: string, within?: number): Promise<string>;
  get<T>(...args: readonly string[]): Promise<T>;
  helm(args: readonly string[], within?: number): Promise<string>;
  /** Pods of a service of Weft that are not going, of all services where it is not named. */
  pods(service?: string): Promise<readonly Pod[]>;
}

const NAMESPACE = process.env.WEFT_TEST_NAMESPACE || 'weft-test';

/** Why there is nothing to test on, or the cluster. */
export async function findCluster(): Promise<Cluster | string> {
  const attempt = (program: string, ...args: string[]) => run(program, args, { within: 15_000 }).catch(() => undefined);
  if ((await attempt('helm', 'version')) === undefined) return 'helm is not on the path';
  const context = (await attempt('kubectl', 'config', 'current-context'))?.trim();
  if (!context) return 'kubectl has no current context';
  if ((await attempt('kubectl', 'get', '--raw', '/readyz')) === undefined) return `cluster ${context} does not answer`;
  if ((await attempt('kubectl', 'get', 'crd', 'virtualservices.networking.istio.io')) === undefined)
    return `cluster ${context} has no Istio`;
  return open(context);
}

function open(context: string): Cluster {
  const kubectl: Cluster['kubectl'] = (args, input, within = 60_000) =>
    run('kubectl', ['--context', context, '--namespace', NAMESPACE, ...args], {
      ...(input !== undefined && { input }),
      within,
    });
  const get = async <T>(...args: readonly string[]) => JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T;
  return {
    context,
    namespace: NAMESPACE,
    kubectl,
    get,
    helm: (args, within = 600_000) =>
      run('helm', ['--kube-context', context, '--namespace', NAMESPACE, ...args], { within }),
    async pods(service) {
      const label = service === undefined ? 'app.kubernetes.io/part-of=weft' : `app.kubernetes.io/name=${service}`;
      const { items } = await get<{ items: readonly Pod[] }>('pods', '-l', `${label},!weft.dev/test`);
      return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    },
  };
}

export interface Forward {
  /** host:port on this machine. */
  readonly address: string;
  close(): Promise<void>;
}

/** A way to a port of a pod or service, as `service/orders`. */
export async function forward(cluster: Cluster, namespace: string, what: string, port: number): Promise<Forward> {
  const args = ['--context', cluster.context, '--namespace', namespace, 'port-forward', what, `:${port}`];
  const child: ChildProcess = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  const address = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no way to ${what} within 30 s: ${said.join('')}`)), 30_000);
    child.stdout?.on('data', (chunk) => {
      const [, found] = /Forwarding from (127\.0\.0\.1:\d+)/.exec(String(chunk)) ?? [];
      if (!found) return;
      clearTimeout(timer);
      resolve(found);
    });
    child.stderr?.on('data', (chunk) => said.push(String(chunk)));
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`no way to ${what}: ${said.join('')}`));
    });
    child.once('error', reject);
  });
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill();
    await gone;
  };
  try {
    return { address: await address, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where calls come in from outside: WEFT_INGRESS (host:port), else a way to Istio's ingress gateway. */
export async function forwardIngress(cluster: Cluster): Promise<Forward> {
  const given = process.env.WEFT_INGRESS;
  if (given) return { address: given, close: async () => {} };
  const { items } = JSON.parse(
    await run('kubectl', [
      '--context',
      cluster.context,
      'get',
      'svc',
      '-A',
      '-l',
      'istio=ingressgateway',
      '-o',
      'json',
    ]),
  ) as { items: readonly { metadata: { name: string; namespace: string } }[] };
  const [gateway] = items;
  if (!gateway) throw new Error('the cluster has no service with the label istio=ingressgateway; set WEFT_INGRESS');
  return forward(cluster, gateway.metadata.namespace, `service/${gateway.metadata.name}`, 80);
}
