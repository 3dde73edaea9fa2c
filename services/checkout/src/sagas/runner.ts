import { contextFromHeaders, runInContext } from '@weft/kit/context';
import { outcomeOf, RemoteError, status } from '@weft/kit/rpc';
import type { Logger, TraceContext } from '@weft/kit/telemetry';
import type { CheckoutStore, Lease } from '../app/ports.ts';
import {
  type Action,
  advance,
  beginTry,
  type Failure,
  fail,
  hasEnded,
  type Saga,
  startSaga,
  succeed,
} from '../domain/saga.ts';
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
/** How long a call may still take when the process is to stop; then it is given up, and its outcome noted as unknown. */
const LAST_CALL_MS = 1000;

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
  const giveUp = new AbortController();
  let stopping = false;
  let wake = () => {};
  let awake = false;
  let loop: Promise<void> | undefined;

  async function run(lease: Lease, claimed: Saga): Promise<void> {
    const work = { ...contextFromHeaders(claimed.headers, startTrace), signal: giveUp.signal };
    await runInContext(work, () => runOn(lease, definitions[claimed.kind], claimed));
  }

  /** Tries step after step. One save notes what a try came to and, before it is made, the next one. */
  async function runOn(lease: Lease, definition: SagaDefinition<unknown>, claimed: Saga): Promise<void> {
    const shape = shapeOf(definition);
    let standing = claimed;
    let settle = (saga: Saga): Saga => saga;
    for (;;) {
      const settled = settle(standing);
      const goesOn = !stopping && settled.nextAttemptAt <= now();
      const { saga: ahead, action } = goesOn ? advance(shape, settled, now()) : { saga: settled };
      const next = action ? beginTry(ahead, action, now()) : forgetIfEnded(definition, ahead);
      const saved = await store.saveLeased(lease, standing, next, { release: !action, next: followUp(ahead) });
      if (!saved) return;
      standing = saved.saga;
      // Somebody changed the saga (a cancellation was asked for): the same outcome is noted on what it is now.
      if (!saved.saved) continue;
      if (!action) return;
      const tried = standing;
      const failure = await attempt(definition, tried, action);
      const jitter = Math.random();
      settle = (saga) => (failure ? fail(shape, saga, action, failure, now(), jitter) : succeed(saga, action, now()));
      if (failure) report(tried, action, failure, settle(tried));
    }
  }

  function forgetIfEnded({ forget }: SagaDefinition<unknown>, saga: Saga): Saga {
    return forget && hasEnded(saga) ? { ...saga, input: forget(saga.input) } : saga;
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
      const lastCall = setTimeout(() => giveUp.abort(), LAST_CALL_MS);
      await loop;
      await Promise.all(running);
      clearTimeout(lastCall);
    },
    pending: () => store.countOpen(),
  };
}
