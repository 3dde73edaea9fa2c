import { setTimeout as delay } from 'node:timers/promises';
import { type BootedProcesses, eventually } from '@weft/kit/testing';
import type { Coverage } from './points.ts';

export interface Hunt {
  readonly booted: BootedProcesses;
  readonly coverage: Coverage;
  readonly busy: Set<string>;
  readonly kills: ReadonlyMap<string, number>;
  over(): boolean;
  /** More were killed than orders were placed, for what is wanted of both: orders have to catch up. */
  ahead(): boolean;
  killed(what: string): void;
}

/** How long a process may live on with points that it does not come by; before audit comes by any, the turn of the dead one has to end. */
const PATIENCE_MS = 6_000;
const LONGER_MS: Readonly<Record<string, number>> = { audit: 20_000 };
const DEATHS_IN_A_ROW = 2;
/** How long it is left alone after that: orders have to go on. */
const REST_MS = 4_000;
const START_MS = 60_000;

/** Takes service after service, and has it die at one point after the other; all live when it is over. */
export async function hunt({ booted, coverage, busy, kills, over, ahead, killed }: Hunt): Promise<void> {
  // A start fails while the database is away.
  const start = (service: string, failPoints: readonly string[] = []) =>
    eventually(async () => {
      if (booted.runs(service)) await booted.kill(service);
      await booted.start(service, ...failPoints);
    }, START_MS);
  while (!over()) {
    const service = ahead() ? undefined : coverage.next(busy, kills);
    if (service === undefined) {
      await delay(100);
      continue;
    }
    busy.add(service);
    try {
      await booted.kill(service);
      killed(service);
      for (let death = 0; death < DEATHS_IN_A_ROW && !over(); death++) {
        await start(service, coverage.arm(service));
        const patience = (coverage.isCompleteFor(service) ? undefined : LONGER_MS[service]) ?? PATIENCE_MS;
        const until = performance.now() + patience;
        while (booted.runs(service) && performance.now() < until && !over()) await delay(20);
        const point = await booted.failedAt(service);
        if (point === undefined) await booted.kill(service);
        else coverage.hit(point);
        killed(service);
      }
    } finally {
      await start(service);
      setTimeout(() => busy.delete(service), REST_MS).unref();
    }
  }
}
