import { RemoteError, status } from '@weft/kit/rpc';
import { isAway } from '../edge/failure.ts';
import { Breaker, type BreakerOptions, type Verdict } from './breaker.ts';
import { Bulkhead, type BulkheadOptions } from './bulkhead.ts';
import type { Patience } from './patience.ts';

export interface UpstreamOptions {
  readonly breaker: BreakerOptions;
  readonly bulkhead: BulkheadOptions;
}

/** How long a call may take. */
export interface Haste extends Patience {
  /** The client gives it less time than its contract does. */
  readonly hurried: boolean;
}

/** What stands between the edge and one service. */
export interface Upstream {
  readonly breaker: Breaker;
  readonly bulkhead: Bulkhead;
  run<T>(work: () => Promise<T>, haste: Haste): Promise<T>;
}

/** The bulkhead around the breaker: who waits for room asks again whether the service is well. */
export function createUpstreams({ breaker, bulkhead }: UpstreamOptions) {
  const made = new Map<string, Upstream>();
  return (service: string): Upstream => {
    const known = made.get(service);
    if (known) return known;
    const one = { breaker: new Breaker(service, breaker), bulkhead: new Bulkhead(service, bulkhead) };
    const upstream: Upstream = {
      ...one,
      run: (work, haste) =>
        one.bulkhead.run(() => one.breaker.run(work, (error) => verdictOf(error, haste.hurried)), haste),
    };
    made.set(service, upstream);
    return upstream;
  };
}

/** Of an answer that refuses the service is well. A client that goes away, or gives it less time than it may take, tells nothing. */
function verdictOf(error: unknown, hurried: boolean): Verdict {
  if (!(error instanceof RemoteError)) return isAway(error) ? 'well' : 'unwell';
  if (error.code === status.CANCELLED) return 'nothing';
  if (error.code === status.DEADLINE_EXCEEDED) return hurried ? 'nothing' : 'unwell';
  return error.code === status.UNAVAILABLE ? 'unwell' : 'well';
}
