import { Cancelled, TimeOver } from './cancelled.ts';
import { type Patience, patiently } from './patience.ts';
import type { Upstream } from './upstream.ts';

/** A stream may have nothing to say yet: after so long its silence tells nothing of the service. */
const SILENT_MS = 1_000;

/**
 * The first message of a stream, asked for as any call is: it needs room, and an open breaker refuses it. Throws what the service
 * refuses it with.
 */
export async function openThrough<T>(upstream: Upstream, next: () => Promise<T>, patience: Patience): Promise<T> {
  let first: Promise<T> | undefined;
  const opening = () => {
    first = next();
    first.catch(() => {});
    return patiently(first, { ...patience, deadline: Date.now() + SILENT_MS });
  };
  try {
    // No contract sets a stream a time: one that is over is the client's.
    return await upstream.run(opening, { ...patience, hurried: true });
  } catch (error) {
    if (first && (error instanceof TimeOver || error instanceof Cancelled)) return first;
    throw error;
  }
}
