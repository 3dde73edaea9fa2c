import { type Calls, faults, quantile, total } from './metrics.ts';

export type Verdict = 'as good' | 'worse' | 'too few calls';

/** Fewer calls of the canary than this say nothing. */
const MIN_CALLS = 50;
/** Standard deviations: by chance alone it would be that far off once in a thousand looks. */
const SURE = 3.1;
/** A p99 is read from buckets: it is worse when it is this many times that of the stable version, and not by a mere moment. */
const SLOWER = 2;
const MOMENT_S = 0.02;

export interface Judged {
  readonly verdict: Verdict;
  /** One line; empty where nothing is wrong. */
  readonly reason: string;
}

/** Compares what two versions did with the same kind of calls in the same time. */
export function judge(stable: Calls, canary: Calls): Judged {
  const [calls, failed] = [total(canary), faults(canary)];
  if (calls < MIN_CALLS)
    return { verdict: 'too few calls', reason: `${calls} calls of the canary, ${MIN_CALLS} needed` };
  const [others, failedThere] = [total(stable), faults(stable)];
  const usual = others === 0 ? 0 : failedThere / others;
  const rate = failed / calls;
  const pooled = (failed + failedThere) / (calls + others);
  const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / calls + 1 / Math.max(1, others)));
  if (rate > usual && (deviation === 0 || (rate - usual) / deviation > SURE))
    return { verdict: 'worse', reason: `it fails ${percent(rate)} of its calls, the stable version ${percent(usual)}` };
  const [p99, usually] = [quantile(canary, 0.99), quantile(stable, 0.99)];
  if (p99 !== undefined && usually !== undefined && p99 > SLOWER * usually && p99 - usually > MOMENT_S)
    return {
      verdict: 'worse',
      reason: `its p99 is ${milliseconds(p99)}, that of the stable version ${milliseconds(usually)}`,
    };
  return { verdict: 'as good', reason: '' };
}

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
export const milliseconds = (seconds: number): string => `${(1000 * seconds).toFixed(1)} ms`;
