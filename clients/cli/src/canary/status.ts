import { setTimeout as delay } from 'node:timers/promises';
import { type OpsPort, openOpsPort, type Place, podsOf } from './cluster.ts';
import { type Calls, NO_CALLS, parseCalls, since, together } from './metrics.ts';
import { type Judged, judge } from './verdict.ts';

export interface TrackStatus {
  readonly pods: number;
  readonly ready: number;
  readonly restarts: number;
  /** Served while it was looked at. */
  readonly calls: Calls;
}

export interface CanaryStatus {
  readonly stable: TrackStatus;
  readonly canary: TrackStatus;
  readonly judged: Judged;
}

/** Looks at both versions for some seconds: what they answered meanwhile, by the kit's own metrics. */
export async function statusOf(place: Place, service: string, opsPort: number, seconds: number): Promise<CanaryStatus> {
  const pods = await podsOf(place, service);
  const opened = await Promise.allSettled(pods.map((pod) => openOpsPort(place, pod, opsPort)));
  const ports = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  try {
    const before = await lookAt(ports);
    await delay(seconds * 1000);
    const after = await lookAt(ports);
    const track = (name: string): TrackStatus => {
      const own = pods.filter((pod) => pod.track === name);
      return {
        pods: own.length,
        ready: own.filter(({ ready }) => ready).length,
        restarts: own.reduce((sum, { restarts }) => sum + restarts, 0),
        calls: together(
          own.map(({ name: pod }) => since(before.get(pod) ?? NO_CALLS, after.get(pod) ?? before.get(pod) ?? NO_CALLS)),
        ),
      };
    };
    const [stable, canary] = [track('stable'), track('canary')];
    return { stable, canary, judged: judgedOf(stable, canary) };
  } finally {
    for (const port of ports) port.close();
  }
}

function judgedOf(stable: TrackStatus, canary: TrackStatus): Judged {
  if (canary.pods > 0 && canary.ready === 0)
    return { verdict: 'worse', reason: `none of its pods is ready, after ${canary.restarts} restarts` };
  return judge(stable.calls, canary.calls);
}

async function lookAt(ports: readonly OpsPort[]): Promise<ReadonlyMap<string, Calls>> {
  const texts = await Promise.all(ports.map(async (port) => [port.pod.name, await port.metrics()] as const));
  return new Map(texts.flatMap(([pod, text]) => (text === undefined ? [] : [[pod, parseCalls(text)]])));
}
