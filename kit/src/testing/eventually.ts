import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until the answer holds (is not false and does not throw), for at most `withinMs`. */
export async function eventually<T>(ask: () => T | Promise<T>, withinMs = 10_000): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    let failure: unknown = new Error(`not so within ${withinMs} ms: ${ask}`);
    try {
      const answer = await ask();
      if (answer !== false) return answer;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) throw failure;
    await delay(20);
  }
}
