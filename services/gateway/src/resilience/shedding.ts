import { Later } from '../edge/failure.ts';

const LOOK_MS = 250;
const TICK_MS = 10;
/** For about a second: some pauses, of a collector or of a compiler when the first calls come, are no overload. */
const LATE_LOOKS = 4;

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
  let delay = 0;
  let late = 0;
  // A loop that is late though nothing is asked of it suffers from others, and who comes then is no overload.
  let asked = false;
  let ticked = performance.now();
  let looked = ticked;
  let sum = 0;
  // Not monitorEventLoopDelay: after a reset it passes over what comes first, and each of its samples counts as one, however long it was.
  const timer = setInterval(() => {
    const now = performance.now();
    const passed = now - ticked;
    ticked = now;
    sum += Math.max(0, passed - TICK_MS) * passed;
    if (now - looked < LOOK_MS) return;
    delay = sum / (now - looked);
    late = asked && delay > limit ? late + 1 : 0;
    asked = false;
    looked = now;
    sum = 0;
  }, TICK_MS);
  timer.unref();
  return {
    admit() {
      asked = true;
      if (limit > 0 && late >= LATE_LOOKS) throw new Later('unavailable', 'OVERLOADED', 'too much is asked at once', 1);
    },
    delay: () => delay,
    stop: () => clearInterval(timer),
  };
}
