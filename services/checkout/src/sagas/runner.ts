import { contextFromHeaders, runInContext } from '@weft/kit/context';
import { outcomeOf, RemoteError, status } from '@weft/kit/rpc';
import type { Logger, TraceContext } from '@weft/kit/telemetry';
import type { CheckoutStore, Lease } from '../app/ports.ts';
import { type Action, advance, beginTry, type Failure, fail, type Saga, startSaga, succeed } from '../domain/saga.ts';
import { type SagaDefinition, shapeOf } from './definition.ts';
import type { SagaDefinitions } from './definitions.ts';

export interface RunnerOptions {
  readonly store: CheckoutStore;
  readonly definitions: SagaDefinitions;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly startTrace: () => TraceContext;
  /** Sagas run at once by this process. */
  readonly concurrency: number;
}

/** Longer than a call may take (five seconds) with its saves, so that a living process keeps its sagas. */
const LEASE_MS = 12_000;
const POLL_MS = 250;

/** Codes that leave it open whether the call was done, or say that we are wrongly set up; all others refuse it for good. */
const UNKNOWN_CODES: ReadonlySet<status> = new Set([
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
  status.UNAUTHENTICATED,
]);

/**
 * Runs sagas to their end. Each try is saved before it is made; a process that dies leaves its sagas to others when its lease
 * ends, and they repeat the last try. A process that lost its lease cannot save, so two never run one saga on.
 */
export function sagaRunner({ store, definitions, logger, now, newId, startTrace, concurrency }: RunnerOptions) {
  const running = new Set<Promise<void>>();
  let stopping = false;
  let wake = () => {};
  let awake = false;
  let loop: Promise<void> | undefined;

  async function run(lease: Lease, claimed: Saga): Promise<void> {
    const definition = definitions[claimed.kind];
    const work = contextFromHeaders(claimed.headers, startTrace);
    await runInContext(work, async () => {
      let current: Saga | undefined = claimed;
      while (current && !stopping) current = await turn(lease, definition, current);
      if (current) await store.release(lease, current.sagaId);
    });
  }

  /** One try and its saves. Gives the saga to go on with, or undefined when there is nothing to do now. */
  async function turn(lease: Lease, definition: SagaDefinition<unknown>, saga: Saga): Promise<Saga | undefined> {
    const shape = shapeOf(definition);
    const { saga: ahead, action } = advance(shape, saga, now());
    if (!action) {
      const kept = definition.forget ? { ...ahead, input: definition.forget(ahead.input) } : ahead;
      const ended = await store.saveLeased(lease, saga, kept, { release: true, next: followUp(ahead) });
      return ended && !ended.saved ? ended.saga : undefined;
    }
    const begun = await store.saveLeased(lease, saga, beginTry(ahead, action, now()), { release: false });
    if (!begun?.saved) return begun?.saga;
    let trying = begun.saga;
    const failure = await attempt(definition, trying, action);
    for (;;) {
      const after: Saga = failure
        ? fail(shape, trying, action, failure, now(), Math.random())
        : succeed(trying, action, now());
      if (failure) report(trying, action, failure, after);
      const release = failure !== undefined && after.nextAttemptAt > now();
      const done = await store.saveLeased(lease, trying, after, { release });
      if (!done || (done.saved && release)) return undefined;
      if (done.saved) return done.saga;
      // Somebody changed the saga (a cancellation was asked for): the outcome is noted on what it is now.
      trying = done.saga;
    }
  }

  async function attempt(
    definition: SagaDefinition<unknown>,
    saga: Saga,
    { step, direction }: Action,
  ): Promise<Failure | undefined> {
    const one = definition.steps[step] ?? definition.whenUndone;
    try {
      await (direction === 'invoke' ? one?.invoke : one?.undo)?.(definition.read(saga.input), saga);
      return undefined;
    } catch (error) {
      if (error instanceof RemoteError)
        return { kind: UNKNOWN_CODES.has(error.code) ? 'unknown' : 'refused', reason: error.reason };
      logger.error({ err: error, sagaId: saga.sagaId }, 'saga step failed');
      return { kind: 'unknown', reason: outcomeOf(error).reason };
    }
  }

  function report(before: Saga, { step, direction }: Action, { reason }: Failure, after: Saga): void {
    const line = { sagaId: before.sagaId, step: before.steps[step]?.name, direction, reason, failures: after.failures };
    if (after.stalled && !before.stalled) logger.error(line, 'saga stalled: somebody should look');
    else logger.info(line, 'saga step failed');
  }

  /** An order that was paid before its cancellation was asked for is undone by a saga of its own. */
  function followUp(ended: Saga): Saga | undefined {
    if (ended.state !== 'completed' || !ended.cancellation) return undefined;
    const { orderId, cancellation: input, headers } = ended;
    return startSaga(shapeOf(definitions['cancel-order']), { sagaId: newId(), orderId, input, headers }, now());
  }

  async function loopUntilStopped(): Promise<void> {
    while (!stopping) {
      awake = false;
      try {
        const free = concurrency - running.size;
        const lease = { leaseId: newId(), length: LEASE_MS };
        const claimed = free > 0 ? await store.claim(lease, now(), free) : [];
        for (const saga of claimed) {
          const task: Promise<void> = run(lease, saga)
            .catch((error: unknown) =>
              logger.warn({ err: error, sagaId: saga.sagaId }, 'saga interrupted; its lease will end'),
            )
            .finally(() => {
              running.delete(task);
              signal();
            });
          running.add(task);
        }
        if (claimed.length > 0 && running.size < concurrency) continue;
      } catch (error) {
        logger.warn({ err: error }, 'sagas not claimed; trying again');
      }
      await sleep();
    }
  }

  function signal(): void {
    awake = true;
    wake();
  }

  async function sleep(): Promise<void> {
    if (awake || stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    /** Looks for sagas now. */
    wake: signal,
    start() {
      loop = loopUntilStopped();
    },
    async stop() {
      stopping = true;
      signal();
      await loop;
      await Promise.all(running);
    },
    pending: () => store.countOpen(),
  };
}
