import { type OpsPort, openOpsPort, podsOf } from '../canary/cluster.ts';
import { CommandFailure } from '../shop/failure.ts';
import { opsUrlsFrom } from './ops.ts';

/** Where the processes are: in a namespace of a cluster, else on this machine. */
export interface WhereOptions {
  readonly namespace?: string;
  readonly context?: string;
}

/** Of charts/service. */
const OPS_PORT = 9464;
/** Each is a kubectl of its own. */
const MOST_PODS = 100;

/** Does the work with the ops ports of all processes; of a cluster's they are open as long as it takes. Throws CommandFailure. */
export async function withOpsUrls<T>(
  { namespace, context }: WhereOptions,
  work: (urls: readonly string[]) => Promise<T>,
): Promise<T> {
  if (namespace === undefined) {
    if (context !== undefined) throw new CommandFailure('--context is of a cluster: name its --namespace too');
    return work(opsUrlsFrom(process.env));
  }
  const place = { kubectl: process.env.KUBECTL || 'kubectl', namespace, context };
  const pods = (await podsOf(place)).slice(0, MOST_PODS);
  if (pods.length === 0) throw new CommandFailure(`no pod of Weft is in the namespace ${namespace}`);
  const open: OpsPort[] = [];
  const closeAll = () => {
    for (const port of open) port.close();
  };
  // A look that goes on until it is interrupted leaves nothing behind.
  process.once('exit', closeAll);
  try {
    // A pod that is on its way up or down is not asked; that its service is away shows.
    const found = await Promise.allSettled(
      pods.map(async (pod) => {
        open.push(await openOpsPort(place, pod, Number(process.env.OPS_PORT || OPS_PORT)));
      }),
    );
    const [failed] = found.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    if (open.length === 0) throw failed;
    return await work(open.map(({ url }) => url));
  } finally {
    closeAll();
    process.off('exit', closeAll);
  }
}
