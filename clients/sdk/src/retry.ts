import { Code } from '@connectrpc/connect';
import { failureOf } from './failure.ts';
import { countdown } from './waiting.ts';

export interface RetryOptions {
  /** Tries of one call, the first included; 3 where absent. */
  readonly attempts?: number;
  /** Milliseconds before the second try, on average; 100 where absent. Twice as long before each further one, 2,000 at most. */
  readonly delay?: number;
  /** From 0 to 1; for tests. */
  readonly random?: () => number;
}

const LONGEST_DELAY = 2000;

/**
 * Tries work again that failed because nobody was there, within `budget` milliseconds for all tries and pauses together. Each
 * try can ask how much is left.
 */
export async function withRetries<T>(
  work: (left: () => number | undefined) => Promise<T>,
  { attempts = 3, delay = 100, random = Math.random }: RetryOptions,
  { budget, retryable, signal }: { budget: number | undefined; retryable: boolean; signal: AbortSignal | undefined },
): Promise<T> {
  const left = countdown(budget);
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(left);
    } catch (error) {
      const failure = failureOf(error);
      if (!retryable || attempt >= attempts || failure.code !== Code.Unavailable || signal?.aborted) throw failure;
      const wait = Math.max(
        2 * random() * Math.min(delay * 2 ** (attempt - 1), LONGEST_DELAY),
        failure.retryAfter ?? 0,
      );
      // Who asks to wait longer than anybody waits is not asked again.
      if (wait > 2 * LONGEST_DELAY || wait >= (left() ?? Number.POSITIVE_INFINITY)) throw failure;
      await pause(wait, signal);
      if (signal?.aborted) throw failure;
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
