import type { DueFacts, FactsDue } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { periodic } from './periodic.ts';
import type { Worker } from './service.ts';
import type { RunWork } from './work-spans.ts';

export interface FactsWork<F> {
  readonly due: FactsDue<F>;
  /** Does what the facts ask for, any number of times; what it throws is tried again. Gives the path of what is not needed any more. */
  readonly act: (due: DueFacts<F>) => Promise<readonly string[]>;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly runWork: RunWork;
}

/** Facts may carry the headers of the event that they began with: what follows belongs to its trace. */
export interface WithHeaders {
  readonly headers?: Readonly<Record<string, string>>;
}

const AT_ONCE = 64;
const POLL_MS = 1_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;
/** Failures in a row after which somebody should look. */
const STALLED_AFTER = 10;

/** Acts on facts that ask for it, many at once, in whatever process has room. */
export function factsWorker<F extends WithHeaders>(work: FactsWork<F>): Worker & { wake(): void } {
  const { due, act, logger, now, runWork } = work;
  const running = new Set<Promise<void>>();

  async function run(claimed: DueFacts<F>): Promise<void> {
    try {
      const part = { name: 'take part', headers: claimed.facts.headers ?? {}, ids: { 'weft.order.id': claimed.id } };
      await runWork(part, async () => due.rest(claimed, await act(claimed)));
    } catch (err) {
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(claimed.tries, 10));
      const line = { err, id: claimed.id, tries: claimed.tries + 1 };
      if (line.tries === STALLED_AFTER) logger.error(line, 'step stalled: somebody should look; it is tried again');
      else logger.info(line, 'step failed; it is tried again');
      await due.retry(claimed, new Date(now().getTime() + wait / 2 + (wait / 2) * Math.random()));
      setTimeout(() => looking.wake(), wait).unref();
    }
  }

  function launch(claimed: DueFacts<F>): void {
    const task: Promise<void> = run(claimed)
      .catch((err: unknown) => logger.warn({ err, id: claimed.id }, 'step interrupted; others will take it'))
      .finally(() => {
        running.delete(task);
        if (running.size === AT_ONCE - 1) looking.wake();
      });
    running.add(task);
  }

  const look = async () => {
    for (let room = AT_ONCE - running.size; room > 0; room = AT_ONCE - running.size) {
      const claimed = await due.claim(room);
      for (const one of claimed) launch(one);
      if (claimed.length < room) return;
    }
  };
  const looking = periodic(POLL_MS, look, (err) => logger.warn({ err }, 'steps not claimed; trying again'));
  return {
    start: looking.start,
    wake: looking.wake,
    async stop() {
      await looking.stop();
      await Promise.all(running);
    },
    pending: () => due.count(),
  };
}
