import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { WeftError } from '@weft/client';
import { RemoteError } from '@weft/kit/rpc';

/** A failure that passes by itself when a system restarts or is busy. The codes of Connect are those of gRPC. */
export function passes(error: unknown): boolean {
  if (!(error instanceof RemoteError || error instanceof WeftError)) return false;
  const code: number = error.code;
  if (PASSING.has(code)) return true;
  // A connection that breaks within a call comes as INTERNAL or UNKNOWN, without the details that a service would add.
  return (
    BROKEN.has(code) && error.reason === status[code] && /RST_STREAM|ECONN|EPIPE|socket|connection/i.test(error.message)
  );
}

const PASSING: ReadonlySet<number> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.CANCELLED,
]);
const BROKEN: ReadonlySet<number> = new Set([status.INTERNAL, status.UNKNOWN]);

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;

export interface Patience {
  /** Milliseconds for which one piece of work may go on failing. */
  readonly limit: number;
  /** Aborted when there is no point in going on; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** Back-off between attempts, doubling from 0.1 s to 2 s. Throws the error when it does not pass, or not in time. */
export function createPauses({ limit, signal }: Patience): { after(error: unknown): Promise<void>; reset(): void } {
  let since: number | undefined;
  let attempt = 0;
  return {
    async after(error) {
      signal.throwIfAborted();
      since ??= performance.now();
      if (!passes(error) || performance.now() - since > limit || asksToWait(error) > limit) throw error;
      const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
      attempt += 1;
      await delay(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => signal.throwIfAborted());
    },
    reset() {
      since = undefined;
      attempt = 0;
    },
  };
}

/** Milliseconds, where a refusal says so. */
const asksToWait = (error: unknown) => (error instanceof WeftError ? (error.retryAfter ?? 0) : 0);

/** Does work that may be done twice, again and again while its failures pass. */
export async function persist<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const pauses = createPauses(patience);
  for (;;) {
    patience.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      await pauses.after(error);
    }
  }
}
