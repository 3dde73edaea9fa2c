import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

export interface EventLoopFigures {
  /** Seconds by which timers came late. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Share of the time in which it was busy. */
  readonly utilization: number;
}

export interface EventLoop {
  figures(): EventLoopFigures;
  stop(): void;
}

interface Window {
  readonly delay: ReturnType<typeof monitorEventLoopDelay>;
  since: ReturnType<typeof performance.eventLoopUtilization>;
}

const SAMPLE_EVERY_MS = 20;

/**
 * Figures of the last `leastMs` at least, and of twice as long at most, whoever reads them and how often: of two windows that begin
 * in turn, those of the older one.
 */
export function observeEventLoop(leastMs: number): EventLoop {
  let [older, newer] = [begin(), begin()];
  const rotating = setInterval(() => {
    [older, newer] = [newer, older];
    newer.delay.reset();
    newer.since = performance.eventLoopUtilization();
  }, leastMs).unref();
  return {
    figures: () => ({
      p50: late(older.delay.percentile(50)),
      p99: late(older.delay.percentile(99)),
      max: late(older.delay.max),
      utilization: performance.eventLoopUtilization(older.since).utilization,
    }),
    stop() {
      clearInterval(rotating);
      for (const { delay } of [older, newer]) delay.disable();
    },
  };
}

function begin(): Window {
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_EVERY_MS });
  delay.enable();
  return { delay, since: performance.eventLoopUtilization() };
}

// A timer that was due and came late by less than its own period has not waited.
const late = (ns: number): number => Math.max(0, ns / 1e9 - SAMPLE_EVERY_MS / 1000);
