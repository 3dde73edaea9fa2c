import { CommandFailure } from '../shop/failure.ts';
import { type Place, runCommandLine } from './cluster.ts';

/** A helm release that has the service: of charts/weft, which has all, or of charts/service alone. */
export interface Release extends Place {
  readonly name: string;
  readonly service: string;
  /** Folder or reference of the release's chart. */
  readonly chart: string;
  /** What stands before the service's values: `orders.` in charts/weft. */
  readonly prefix: string;
}

export interface CanaryValues {
  readonly enabled?: boolean;
  readonly image?: { readonly tag?: string; readonly digest?: string };
  readonly weight?: number;
  readonly match?: Readonly<Record<string, string>>;
}

const READ_MS = 30_000;

/** When an upgrade is done: all pods are ready; they are, or everything is as it was; the cluster has been told. */
export type Until = 'ready' | 'ready or undone' | 'told';

const UNTIL: Readonly<Record<Until, { readonly args: readonly string[]; readonly ms: number }>> = {
  ready: { args: ['--wait', '--timeout', '5m'], ms: 330_000 },
  // What a failed upgrade has made is not helm's any more: no later one would take it away.
  'ready or undone': { args: ['--atomic', '--timeout', '5m'], ms: 630_000 },
  told: { args: [], ms: 60_000 },
};

/**
 * Throws CommandFailure where the release is not of this very version of the chart: an upgrade would change more than the canary.
 * @param chartOf gives the chart's folder by its name
 */
export async function openRelease(
  place: Place,
  name: string,
  service: string,
  chartOf: (chart: string) => string,
): Promise<Release> {
  const { chart, version } = await helmJson<{ chart: string; version: string }>(place, ['get', 'metadata', name]);
  if (chart !== 'weft' && chart !== 'service')
    throw new CommandFailure(`release ${name} is of chart ${chart}, and not of weft or service`);
  const here = chartOf(chart);
  const versionHere = await chartVersion(place, here);
  if (version !== versionHere)
    throw new CommandFailure(
      `release ${name} is of chart ${chart} ${version}, and ${here} is ${versionHere}: upgrade the release first, or name its own chart with --chart`,
    );
  return { ...place, name, service, chart: here, prefix: chart === 'weft' ? `${service}.` : '' };
}

async function chartVersion({ helm }: Place, chart: string): Promise<string> {
  const said = await runCommandLine(helm, ['show', 'chart', chart], READ_MS);
  const [, version] = /^version: *["']?([^"'\s]+)/m.exec(said) ?? [];
  if (version === undefined) throw new CommandFailure(`${helm} show chart ${chart} names no version`);
  return version;
}

/** The canary as the release's values have it. */
export async function canaryOf(release: Release): Promise<CanaryValues> {
  const values = await helmJson<Record<string, unknown> | null>(release, ['get', 'values', release.name]);
  const own = (release.prefix === '' ? values : values?.[release.service]) as { canary?: CanaryValues } | undefined;
  return own?.canary ?? {};
}

async function helmJson<T>({ helm, namespace }: Place, args: readonly string[]): Promise<T> {
  const all = [...args, '--namespace', namespace, '--output', 'json'];
  return JSON.parse(await runCommandLine(helm, all, READ_MS)) as T;
}

/** Values of the service, by their paths; a text is never taken for a number. null gives back the chart's own. */
export type Change = Readonly<Record<string, string | number | boolean | null>>;

/** The arguments of helm that change these values of a release and leave the others as they are. */
export function upgradeArguments(release: Release, change: Change, until: Until): string[] {
  const sets = Object.entries(change).flatMap(([path, value]) => [
    typeof value === 'string' ? '--set-string' : '--set',
    `${release.prefix}${path}=${typeof value === 'string' ? escaped(value) : value}`,
  ]);
  const { name, chart, namespace } = release;
  // With --reuse-values what the chart has by default would be what it had when the release was installed.
  return ['upgrade', name, chart, '--namespace', namespace, '--reset-then-reuse-values', ...UNTIL[until].args, ...sets];
}

const escaped = (value: string): string => value.replaceAll(/([,\\{}[\]=])/g, '\\$1');

export async function upgrade(release: Release, change: Change, until: Until = 'ready'): Promise<void> {
  await runCommandLine(release.helm, upgradeArguments(release, change, until), UNTIL[until].ms);
}
