import { DomainError } from '../failure/index.ts';
import { backoff, pause } from '../store/backoff.ts';
import type { Logger } from '../telemetry/index.ts';

/** Does the work, and again as long as it fails because something is not available, for up to so many milliseconds. */
export async function whenAvailable<T>(withinMs: number, logger: Logger, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + withinMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const wait = backoff(attempt, 100, 1_000);
      const passing = error instanceof DomainError && error.kind === 'unavailable';
      if (!passing || performance.now() + wait > end) throw error;
      logger[attempt === 1 ? 'warn' : 'debug']({ err: error }, 'the start waits');
      await pause(wait);
    }
  }
}
