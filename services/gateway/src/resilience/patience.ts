import { Cancelled, TimeOver } from './cancelled.ts';

/** How long a client waits. */
export interface Patience {
  readonly signal: AbortSignal | undefined;
  /** Epoch milliseconds; Infinity where it has set none. */
  readonly deadline: number;
}

/** The longest that a timer of Node runs. */
const LONGEST_MS = 2 ** 31 - 1;

/** What the work gives, to one of those who wait for it. Throws Cancelled or TimeOver when that one's patience ends first. */
export function patiently<T>(work: Promise<T>, { signal, deadline }: Patience): Promise<T> {
  return new Promise((resolve, reject) => {
    const left = deadline - Date.now();
    if (signal?.aborted) return reject(new Cancelled());
    if (left <= 0) return reject(new TimeOver());
    const leave = () => settle(() => reject(new Cancelled()));
    const timer = Number.isFinite(left)
      ? setTimeout(() => settle(() => reject(new TimeOver())), Math.min(left, LONGEST_MS))
      : undefined;
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
      act();
    };
    signal?.addEventListener('abort', leave, { once: true });
    work.then(
      (given) => settle(() => resolve(given)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
