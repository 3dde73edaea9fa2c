import { setTimeout as delay } from 'node:timers/promises';
import { assertReadable, type Bus, type EventContract } from '@weft/kit/events';
import type { Worker } from '@weft/kit/module';
import type { Logger } from '@weft/kit/telemetry';
import type { Copies } from './read-through.ts';

const PAUSE_MS = 1_000;
/** What was published just before is read as well: clocks differ. */
const BEFORE_MS = 5_000;

/** Ends copies as events tell. While they cannot be followed, no copy is fresh. */
export function followEvents(bus: Bus, read: readonly EventContract[], copies: Copies, logger: Logger): Worker {
  const stopping = new AbortController();
  let done: Promise<void> = Promise.resolve();
  const follow = async () => {
    assertReadable(
      read.map(({ type, schema }) => [type, schema] as const),
      await bus.schemas(),
    );
    const since = Date.now();
    const told = bus.tail({ types: copies.types, from: new Date(since - BEFORE_MS), signal: stopping.signal });
    copies.follows(since);
    for await (const { type, key } of told) await copies.changed(type, key);
  };
  const keepFollowing = async () => {
    while (!stopping.signal.aborted) {
      await follow().catch((err: unknown) => logger.warn({ err }, 'events are not followed; copies are not fresh'));
      copies.follows(Number.POSITIVE_INFINITY);
      await delay(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  return {
    start() {
      done = keepFollowing();
    },
    async stop() {
      stopping.abort();
      await done;
    },
  };
}
