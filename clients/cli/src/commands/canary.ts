import { join } from 'node:path';
import type { Place } from '../canary/cluster.ts';
import { faults, quantile, total } from '../canary/metrics.ts';
import { canaryOf, openRelease, type Release, upgrade } from '../canary/release.ts';
import { type CanaryStatus, statusOf, type TrackStatus } from '../canary/status.ts';
import { milliseconds, percent } from '../canary/verdict.ts';
import { CommandFailure } from '../shop/failure.ts';
import { describeError } from '../terminal/errors.ts';
import { print, toJson } from '../terminal/output.ts';
import { bad, bold, dim, good } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';

export interface CanaryOptions {
  readonly namespace: string;
  readonly release: string;
  readonly chart?: string;
  readonly json?: boolean;
}

export interface StartOptions extends CanaryOptions {
  readonly tag?: string;
  readonly digest?: string;
  readonly weight: number;
  readonly header: Readonly<Record<string, string>>;
}

export interface StatusOptions extends CanaryOptions {
  readonly seconds: number;
  readonly opsPort: number;
}

const CHARTS = join(import.meta.dirname, '../../../../charts');

/** Starts the canary with its share of the calls; one that is there already gets the new image and share. */
export function startCanary(service: string, { tag, digest, weight, header, ...options }: StartOptions): Promise<void> {
  return withRelease(service, options, async (release) => {
    if (tag === undefined && digest === undefined) throw new CommandFailure('name the image: --tag or --digest');
    const { enabled } = await canaryOf(release);
    // Nobody goes there before it is ready.
    const image = { 'canary.image.tag': tag ?? '', 'canary.image.digest': digest ?? '' };
    const alone = enabled ? {} : { 'canary.weight': 0, 'canary.match': null };
    await upgrade(release, { 'canary.enabled': true, ...image, ...alone }, 'ready or undone');
    await upgrade(release, {
      'canary.weight': weight,
      ...Object.fromEntries(Object.entries(header).map(([name, value]) => [`canary.match.${name}`, value])),
    });
    await tell(options, { service, tag, digest, weight }, `${service} ${tag ?? digest} gets ${weight} % of the calls.`);
  });
}

export function setCanaryWeight(service: string, weight: number, options: CanaryOptions): Promise<void> {
  return withRelease(service, options, async (release) => {
    await requireCanary(release);
    await upgrade(release, { 'canary.weight': weight });
    await tell(options, { service, weight }, `The canary of ${service} gets ${weight} % of the calls.`);
  });
}

/** Its image becomes that of the stable pods; the canary goes when they are all ready. */
export function promoteCanary(service: string, options: CanaryOptions): Promise<void> {
  return withRelease(service, options, async (release) => {
    const { tag = '', digest = '' } = (await requireCanary(release)).image ?? {};
    await upgrade(release, { 'image.tag': tag, 'image.digest': digest });
    await end(release);
    await tell(options, { service, tag, digest }, `${service} is ${tag || digest} now, everywhere.`);
  });
}

export function abortCanary(service: string, options: CanaryOptions): Promise<void> {
  return withRelease(service, options, async (release) => {
    await requireCanary(release);
    await end(release);
    await tell(options, { service }, `The canary of ${service} is gone; all calls go to the stable version.`);
  });
}

/** First nobody goes there any more, whether its pods are ready or not, then it goes: no call is lost. */
async function end(release: Release): Promise<void> {
  await upgrade(release, { 'canary.weight': 0, 'canary.match': null }, 'told');
  await upgrade(release, { 'canary.enabled': false });
}

async function requireCanary(release: Release) {
  const canary = await canaryOf(release);
  if (!canary.enabled) throw new CommandFailure(`${release.service} has no canary: weft canary start begins one`);
  return canary;
}

/** Exit code 1 when the canary is worse, 2 when it has had too few calls to say. */
export function canaryStatus(service: string, { seconds, opsPort, ...options }: StatusOptions): Promise<void> {
  return attempt(async () => {
    const place = placeOf(options);
    const status = await statusOf(place, service, opsPort, seconds);
    if (status.canary.pods === 0) throw new CommandFailure(`${service} has no canary: weft canary start begins one`);
    await (options.json ? print(toJson(statusJson(service, seconds, status))) : print(statusText(seconds, status)));
    process.exitCode = { 'as good': 0, worse: 1, 'too few calls': 2 }[status.judged.verdict];
  });
}

function statusText(seconds: number, { stable, canary, judged }: CanaryStatus): string {
  const row = (name: string, { pods, ready, restarts, calls }: TrackStatus) => {
    const count = total(calls);
    const p99 = quantile(calls, 0.99);
    return [
      bold(name),
      `${ready} of ${pods} ready${restarts > 0 ? `, ${restarts} restarts` : ''}`,
      `${(count / seconds).toFixed(1)} calls/s`,
      count === 0 ? dim('no calls') : `${percent(faults(calls) / count)} failed`,
      p99 === undefined ? dim('no p99') : `p99 ${milliseconds(p99)}`,
      dim(
        [...calls.byCode]
          .filter(([, n]) => n > 0)
          .map(([code, n]) => `${code} ${n}`)
          .join(', '),
      ),
    ];
  };
  const { verdict, reason } = judged;
  const said = { 'as good': good('as good as the stable version'), worse: bad('worse'), 'too few calls': dim(verdict) };
  return [
    table([row('stable', stable), row('canary', canary)]),
    `The canary, in ${seconds} s: ${said[verdict]}${reason ? `: ${reason}` : ''}`,
  ].join('\n');
}

function statusJson(service: string, seconds: number, { stable, canary, judged }: CanaryStatus) {
  const track = ({ calls, ...pods }: TrackStatus) => ({
    ...pods,
    calls: total(calls),
    failed: faults(calls),
    byCode: calls.byCode,
    p99Seconds: quantile(calls, 0.99) ?? null,
  });
  return { service, seconds, stable: track(stable), canary: track(canary), ...judged };
}

const tell = (options: CanaryOptions, json: object, line: string) => print(options.json ? toJson(json) : line);

function placeOf({ namespace }: CanaryOptions): Place {
  return { namespace, kubectl: process.env.KUBECTL || 'kubectl', helm: process.env.HELM || 'helm' };
}

function withRelease(
  service: string,
  options: CanaryOptions,
  work: (release: Release) => Promise<void>,
): Promise<void> {
  return attempt(async () => {
    const chartOf = (chart: string) => options.chart ?? join(CHARTS, chart);
    await work(await openRelease(placeOf(options), options.release, service, chartOf));
  });
}

async function attempt(work: () => Promise<void>): Promise<void> {
  await work().catch((error: unknown) => {
    process.stderr.write(`weft: ${describeError(error)}\n`);
    process.exitCode = 1;
  });
}
