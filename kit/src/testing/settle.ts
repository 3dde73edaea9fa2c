import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 10;

/**
 * Waits until nothing moves: every outbox is empty, every consumer has caught up, every saga has ended, twice in a row. Throws
 * when that is not so within the time, naming what is left.
 */
export async function settle(
  pending: () => Promise<Readonly<Record<string, number>>>,
  withinMs: number,
): Promise<void> {
  const until = performance.now() + withinMs;
  let left = '';
  for (let quiet = 0; quiet < 2; await delay(PAUSE_MS)) {
    try {
      const counts = Object.entries(await pending()).filter(([, count]) => count > 0);
      left = counts.map(([name, count]) => `${name} ${count}`).join(', ');
    } catch (error) {
      left = (error as Error).message;
    }
    quiet = left === '' ? quiet + 1 : 0;
    if (left !== '' && performance.now() > until) throw new Error(`not settled after ${withinMs} ms: ${left}`);
  }
}
