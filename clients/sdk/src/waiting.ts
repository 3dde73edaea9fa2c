import { Code, ConnectError } from '@connectrpc/connect';

/** How many milliseconds of a budget are left, from now on: 1 at least; undefined where there is none. */
export function countdown(budget: number | undefined): () => number | undefined {
  const end = budget === undefined ? undefined : performance.now() + budget;
  return () => (end === undefined ? undefined : Math.max(1, Math.ceil(end - performance.now())));
}

/** Who waits for something that others wait for as well. */
export interface Patience {
  /** Milliseconds. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the work gives, unless the time is over or the signal fires before that: throws then, and the work goes on. */
export function within<T>(work: Promise<T>, { timeoutMs, signal }: Patience): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const giveUp = () => reject(new ConnectError('the call was given up', Code.Canceled));
    const timeOver = () => reject(new ConnectError('the time of the call is over', Code.DeadlineExceeded));
    const timer = timeoutMs === undefined ? undefined : setTimeout(timeOver, timeoutMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted) giveUp();
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    };
    work.then(resolve, reject).finally(release);
  });
}
