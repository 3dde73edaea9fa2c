import type { Worker } from './service.ts';

/** Does the work every `pause` milliseconds, one at a time; what fails is told and done again at the next turn. */
export function periodic(pause: number, work: () => Promise<void>, onFailure: (error: unknown) => void): Worker {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = false;
  const next = () => {
    if (!stopped) timer = setTimeout(turn, pause);
  };
  const turn = () => {
    running = work().catch(onFailure).then(next);
  };
  return {
    start: next,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
