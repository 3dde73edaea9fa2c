import { outsideContext } from '../context/index.ts';
import type { Worker } from './service.ts';

export interface Periodic extends Worker {
  /** Has the work done now, or once more after the turn in hand. */
  wake(): void;
}

/** Does the work every `pause` milliseconds, one at a time and of nobody's context; what fails is told and done again at the next turn. */
export function periodic(pause: number, work: () => Promise<void>, onFailure: (error: unknown) => void): Periodic {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = false;
  let busy = false;
  let again = false;
  const next = () => {
    busy = false;
    if (stopped) return;
    if (again) turn();
    else timer = setTimeout(turn, pause);
  };
  const turn = () => {
    busy = true;
    again = false;
    running = outsideContext(() => work().catch(onFailure).then(next));
  };
  return {
    start: next,
    wake() {
      if (busy) again = true;
      else if (timer && !stopped) {
        clearTimeout(timer);
        turn();
      }
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
