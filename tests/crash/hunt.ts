import { setTimeout as delay } from 'node:timers/promises';
import { type BootedProcesses, eventually } from '@weft/kit/testing';
import type { Coverage } from './points.ts';

export interface Hunt {
  readonly booted: BootedProcesses;
  readonly coverage: Coverage;
  readonly busy: Set<string>;
  over(): boolean;
  killed(what: string): void;
}

/** How long a process may live on with a point that it does not come by. */
const PATIENCE_MS = 6_000;
const POINTS_IN_A_ROW = 2;
/** How long it is left alone after that: orders have to go on. */
const REST_MS = 4_000;
/** It may come by a point so often before it dies there. */
const MOST_TIMES = 6;
const START_MS = 60_000;

/** Takes service after service, and has it die at point after point; all live when it is over. */
export async function hunt({ booted, coverage, busy, over, killed }: Hunt): Promise<void> {
  // A start fails while the database is away.
  const start = (service: string, failPoint?: string) =>
    eventually(async () => {
      if (booted.runs(service)) await booted.kill(service);
      await booted.start(service, failPoint);
    }, START_MS);
  while (!over()) {
    const next = coverage.next(busy, POINTS_IN_A_ROW);
    if (!next) {
      await delay(100);
      continue;
    }
    const { service, points } = next;
    busy.add(service);
    try {
      await booted.kill(service);
      killed(service);
      for (const point of points) {
        if (over()) break;
        await start(service, `${point}:exit:${1 + Math.floor(Math.random() * MOST_TIMES)}`);
        const until = performance.now() + PATIENCE_MS;
        while (booted.runs(service) && performance.now() < until) await delay(20);
        if (booted.runs(service)) {
          coverage.missed(point);
          await booted.kill(service);
        } else coverage.hit(point);
        killed(service);
      }
    } finally {
      await start(service);
      setTimeout(() => busy.delete(service), REST_MS).unref();
    }
  }
}
