import type { Environment } from '@weft/kit/config';

const LOOK_MS = 500;

/**
 * Asks this process to stop when the npm that runs it is gone: a SIGTERM to npm ends npm and its shell, which tells nobody.
 * Run by hand, or in a container, it lives as long as it is let.
 */
export function stopWithParent(environment: Environment): void {
  if (!environment.npm_lifecycle_event) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_MS);
  timer.unref();
}
