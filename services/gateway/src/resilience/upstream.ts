import { RemoteError, status } from '@weft/kit/rpc';
import { isAway } from '../edge/failure.ts';
import { Breaker, type BreakerOptions } from './breaker.ts';
import { Bulkhead, type BulkheadOptions } from './bulkhead.ts';

export interface UpstreamOptions {
  readonly breaker: BreakerOptions;
  readonly bulkhead: BulkheadOptions;
}

/** What stands between the edge and one service. */
export interface Upstream {
  readonly breaker: Breaker;
  readonly bulkhead: Bulkhead;
  run<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
}

const BROKEN: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** The bulkhead around the breaker: who waits for room asks again whether the service is well. */
export function createUpstreams({ breaker, bulkhead }: UpstreamOptions) {
  const made = new Map<string, Upstream>();
  return (service: string): Upstream => {
    const known = made.get(service);
    if (known) return known;
    const one = { breaker: new Breaker(service, breaker), bulkhead: new Bulkhead(service, bulkhead) };
    const upstream: Upstream = {
      ...one,
      run: (work, signal) => one.bulkhead.run(() => one.breaker.run(work, isFailure), signal),
    };
    made.set(service, upstream);
    return upstream;
  };
}

/** Of an answer that refuses, or a caller that goes away, the service is well. */
function isFailure(error: unknown): boolean {
  return (
    (error instanceof RemoteError && BROKEN.has(error.code)) || (!(error instanceof RemoteError) && !isAway(error))
  );
}
