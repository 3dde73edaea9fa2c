import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Later } from '../edge/failure.ts';

const LOOK_MS = 250;
const RESOLUTION_MS = 10;
/** One pause, of a collector or a compiler, is no overload. */
const LATE_LOOKS = 2;

/** Refuses work while the event loop comes late: what is in hand goes first. */
export interface Shedding {
  /** Throws UNAVAILABLE (OVERLOADED) while the loop is later than it may be. */
  admit(): void;
  /** Milliseconds that the loop was late lately. */
  delay(): number;
  stop(): void;
}

/** @param limit mean delay of the event loop over a quarter of a second, in milliseconds; 0 sheds nothing */
export function startShedding(limit: number): Shedding {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let delay = 0;
  let late = 0;
  const timer = setInterval(() => {
    const mean = histogram.mean / 1e6 - RESOLUTION_MS;
    delay = Number.isFinite(mean) ? Math.max(0, mean) : 0;
    late = delay > limit ? late + 1 : 0;
    histogram.reset();
  }, LOOK_MS);
  timer.unref();
  return {
    admit() {
      if (limit > 0 && late >= LATE_LOOKS) throw new Later('unavailable', 'OVERLOADED', 'too much is asked at once', 1);
    },
    delay: () => delay,
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
