import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds before try number `attempt` (from 1): doubles from `first` up to `cap`; the upper half of it is random. */
export function backoff(attempt: number, first: number, cap: number): number {
  const full = Math.min(cap, first * 2 ** Math.min(attempt - 1, 30));
  return full / 2 + (Math.random() * full) / 2;
}

/** Waits `ms`, or less when the signal aborts. Never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}

/** A flag that a loop sleeps on: `wake` before or during `sleep` ends it at once. */
export class Alarm {
  #set = false;
  #ring: (() => void) | undefined;

  wake(): void {
    this.#set = true;
    this.#ring?.();
  }

  async sleep(ms: number): Promise<void> {
    if (!this.#set) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#ring = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.#ring = undefined;
    }
    this.#set = false;
  }
}
