import { failPoint } from '@weft/kit/fail-point';
import type { RunWork } from '@weft/kit/module';
import { outcomeOf, RemoteError, status } from '@weft/kit/rpc';
import type { Logger } from '@weft/kit/telemetry';
import { cancellationOf } from '../app/cancellation-id.ts';
import type { Adoption, CheckoutStore, Lease } from '../app/ports.ts';
import {
  type Action,
  advance,
  beginTry,
  type Failure,
  fail,
  hasEnded,
  maySaveLater,
  registerAhead,
  type Saga,
  type SagaKind,
  type SagaShape,
  startSaga,
  succeed,
  takeOver,
  withdrawAhead,
} from '../domain/saga.ts';
import type { SagaDefinition } from './definition.ts';
import type { SagaDefinitions } from './definitions.ts';

export interface RunnerOptions {
  readonly store: CheckoutStore;
  readonly definitions: SagaDefinitions;
  readonly shapes: Readonly<Record<SagaKind, SagaShape>>;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly runWork: RunWork;
  /** Sagas run at once by this process. */
  readonly concurrency: number;
}

/** Longer than a call may take (five seconds) with its saves, so that a living process keeps its sagas. */
const LEASE_MS = 12_000;
/** How long a saga may run on before it is saved again. */
const UNSAVED_MS = 1_000;
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
 * Runs sagas to their end. What may have to be undone is saved before it is tried: all steps before the pivot at once, and
 * the pivot. What happens in between is saved together. A process that dies leaves its sagas to others when its lease ends, and they repeat what was not saved. A
 * process that lost its lease cannot save, so two never run one saga on.
 */
export function sagaRunner({ store, definitions, shapes, logger, now, newId, runWork, concurrency }: RunnerOptions) {
  const running = new Set<Promise<void>>();
  /** Adopted, while it is not known whether they are saved. */
  const adopted = new Set<Adoption>();
  const giveUp = new AbortController();
  let stopping = false;
  let wake = () => {};
  let awake = false;
  /** The next saga that ends makes room, and wakes the loop. */
  let full = false;
  let loop: Promise<void> | undefined;

  function launch(lease: Lease, saga: Saga, begun?: Action): void {
    const task: Promise<void> = run(lease, saga, begun)
      .catch((error: unknown) =>
        logger.warn({ err: error, sagaId: saga.sagaId }, 'saga interrupted; its lease will end'),
      )
      .finally(() => {
        running.delete(task);
        if (full) signal();
      });
    running.add(task);
  }

  async function run(lease: Lease, saga: Saga, begun: Action | undefined): Promise<void> {
    const { sagaId, orderId, kind, headers } = saga;
    const ids = { 'weft.saga.id': sagaId, 'weft.order.id': orderId };
    const work = { name: `saga ${kind}`, headers, ids, signal: giveUp.signal };
    await runWork(work, () => runOn(lease, definitions[kind], saga, begun));
  }

  /** Tries step after step. One save notes what the tries came to and, before it is made, the next one. */
  async function runOn(
    lease: Lease,
    definition: SagaDefinition<unknown>,
    leased: Saga,
    begun: Action | undefined,
  ): Promise<void> {
    const shape = shapes[leased.kind];
    let saved = leased;
    let savedAt = now().getTime();
    let action = begun;
    // What has become of the saga since it was saved, to be noted on whatever somebody else may make of it meanwhile.
    let changes: ((saga: Saga) => Saga)[] = begun ? [] : [takeOver];
    const noted = () => changes.reduce((saga, change) => change(saga), saved);
    for (;;) {
      if (action && !stopping) changes.push(await tryOnce(definition, noted(), action));
      const settled = noted();
      const goesOn = !stopping && settled.nextAttemptAt <= now();
      const { saga: ahead, action: next } = goesOn ? advance(shape, settled, now()) : { saga: settled };
      if (next && maySaveLater(shape, saved, ahead, next) && now().getTime() - savedAt < UNSAVED_MS) {
        const at = now();
        changes.push((saga) => beginTry(saga, next, at));
        action = next;
        continue;
      }
      const after = next
        ? registerAhead(shape, beginTry(ahead, next, now()))
        : forgetIfEnded(definition, withdrawAhead(ahead));
      const following = followUp(ahead);
      const result = await store.saveLeased(lease, saved, after, { release: !next, next: following });
      if (!result) return;
      saved = result.saga;
      savedAt = now().getTime();
      if (result.saved) {
        if (following) signal();
        failPoint('checkout', 'saved', saved.state);
        if (!next) return;
        changes = [];
        action = next;
      } else {
        // Somebody changed the saga (a cancellation was asked for): the same outcome is noted on what it is now.
        action = undefined;
      }
    }
  }

  /** Gives how its outcome is noted. */
  async function tryOnce(
    definition: SagaDefinition<unknown>,
    tried: Saga,
    action: Action,
  ): Promise<(saga: Saga) => Saga> {
    const failure = await attempt(definition, tried, action);
    const at = now();
    if (!failure) return (saga) => succeed(saga, action, at);
    const jitter = Math.random();
    const note = (saga: Saga) => fail(shapes[saga.kind], saga, action, failure, at, jitter);
    report(tried, action, failure, note(tried));
    return note;
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
    const name = one?.name ?? '';
    try {
      failPoint('checkout', direction, name, 'begun');
      await (direction === 'invoke' ? one?.invoke : one?.undo)?.(definition.read(saga.input), saga);
      failPoint('checkout', direction, name, 'tried');
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
    return startSaga(shapes['cancel-order'], { sagaId: cancellationOf(orderId), orderId, input, headers }, now());
  }

  async function loopUntilStopped(): Promise<void> {
    while (!stopping) {
      awake = false;
      try {
        const free = room();
        const lease = { leaseId: newId(), length: LEASE_MS };
        const claimed = free > 0 ? await store.claim(lease, now(), free) : [];
        for (const saga of claimed) launch(lease, saga);
        full = room() <= 0;
        if (claimed.length > 0 && !full) continue;
      } catch (error) {
        logger.warn({ err: error }, 'sagas not claimed; trying again');
      }
      await sleep();
    }
  }

  function room(): number {
    return concurrency - running.size - adopted.size;
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
    /** Has a new saga run by this process as soon as it is saved, when there is room. */
    adopt(saga: Saga): Adoption {
      const shape = shapes[saga.kind];
      const { action } = advance(shape, saga, now());
      if (!action || stopping || room() <= 0) return { saga, lease: undefined, run: signal, giveUp() {} };
      const lease = { leaseId: newId(), length: LEASE_MS };
      const begun = registerAhead(shape, beginTry(saga, action, now()));
      const adoption: Adoption = {
        saga: begun,
        lease,
        run() {
          adopted.delete(adoption);
          launch(lease, begun, action);
        },
        giveUp: () => void adopted.delete(adoption),
      };
      adopted.add(adoption);
      return adoption;
    },
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
