import { outcomeOf } from '../rpc/index.ts';
import type { DueFacts, FactsDue, OutgoingEvent } from '../store/index.ts';
import type { Logger, Measurement } from '../telemetry/index.ts';
import { periodic } from './periodic.ts';
import type { Worker } from './service.ts';
import { StepFailed } from './take-steps.ts';
import type { RunWork } from './work-spans.ts';

export interface FactsWork<F> {
  readonly due: FactsDue<F>;
  /** Does what the facts ask for, any number of times; what it throws is tried again. Gives the path of what is not needed any more. */
  readonly act: (due: DueFacts<F>) => Promise<readonly string[]>;
  /** The event that tells operators of work that has failed again and again; it is published once each time that it comes to this. */
  readonly stalled: (stalled: Stalled) => OutgoingEvent;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly runWork: RunWork;
  /** Of the service's parts. */
  readonly measurement: Measurement;
}

/** Work that somebody should look at. */
export interface Stalled {
  readonly id: string;
  /** Empty where it did not come to one. */
  readonly step: string;
  /** A stable reason. */
  readonly reason: string;
  /** Failures in a row. */
  readonly tries: number;
  readonly at: Date;
}

/** Facts may carry the headers of the event that they began with: what follows belongs to its trace. */
export interface WithHeaders {
  readonly headers?: Readonly<Record<string, string>>;
}

const AT_ONCE = 64;
const POLL_MS = 1_000;
const MEASURE_MS = 15_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;
/** Failures in a row after which somebody should look. */
const STALLED_AFTER = 10;

/** Acts on facts that ask for it, many at once, in whatever process has room. */
export function factsWorker<F extends WithHeaders>(work: FactsWork<F>): Worker & { wake(): void } {
  const { due, act, stalled, logger, now, runWork, measurement } = work;
  const measure = partsMeasured(due, measurement, now);
  const running = new Set<Promise<void>>();

  async function run(claimed: DueFacts<F>): Promise<void> {
    const { id, facts, tries } = claimed;
    const about = { headers: facts.headers ?? {}, ids: { 'weft.order.id': id } };
    const part = { name: 'take part', ...about, attempt: tries + 1 };
    let noted = false;
    const taken = runWork(part, async () => {
      try {
        await due.rest(claimed, await act(claimed));
      } catch (error) {
        await tryAgain(claimed, error);
        noted = true;
        // Its span is told.
        throw error;
      }
    });
    await taken.catch((error: unknown) => {
      if (!noted) throw error;
    });
  }

  async function tryAgain(claimed: DueFacts<F>, error: unknown): Promise<void> {
    const { id } = claimed;
    const { step, cause: err } = error instanceof StepFailed ? error : { step: '', cause: error };
    const tries = claimed.tries + 1;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(claimed.tries, 10));
    const at = new Date(now().getTime() + wait / 2 + (wait / 2) * Math.random());
    if (tries === STALLED_AFTER) {
      logger.error({ err, id, step, tries }, 'step stalled: somebody should look; it is tried again');
      await due.retry(claimed, at, stalled({ id, step, reason: outcomeOf(err).reason, tries, at: now() }));
    } else {
      logger.info({ err, id, step, tries }, 'step failed; it is tried again');
      await due.retry(claimed, at);
    }
    setTimeout(() => looking.wake(), wait).unref();
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
  const measuring = periodic(
    MEASURE_MS,
    () => measurement.run(measure),
    (err) => logger.debug({ err }, 'parts not measured'),
  );
  return {
    async start() {
      await looking.start();
      await measuring.start();
      measuring.wake();
    },
    wake: looking.wake,
    async stop() {
      await measuring.stop();
      await looking.stop();
      await Promise.all(running);
    },
    pending: () => due.count(),
  };
}

/** What one service has still to do for orders that nobody coordinates. */
function partsMeasured<F>(due: FactsDue<F>, measurement: Measurement, now: () => Date): () => Promise<void> {
  const open = measurement.gauge('weft.part.open', {
    description: 'Parts of choreographed orders that a service has not finished',
  });
  const stalled = measurement.gauge('weft.part.stalled', {
    description: 'Of these, those that have failed ten times in a row: somebody should look',
  });
  const age = measurement.gauge('weft.part.age', { unit: 's', description: 'Age of the oldest of them' });
  return async () => {
    const found = await due.open(STALLED_AFTER);
    open.record(found.count);
    stalled.record(found.stalled);
    age.record(found.oldest ? Math.max(0, now().getTime() - found.oldest.getTime()) / 1000 : 0);
  };
}
