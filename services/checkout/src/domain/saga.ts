export type SagaKind = 'place-order' | 'cancel-order' | 'return-items';
export type SagaState = 'running' | 'compensating' | 'completed' | 'compensated';
export type StepState = 'pending' | 'trying' | 'done' | 'failed' | 'undone';

export interface StepRecord {
  readonly name: string;
  readonly state: StepState;
  /** Tries, forward and undoing. */
  readonly attempts: number;
  /** Reason of the last failure; empty where there was none. */
  readonly lastError: string;
  /** It was refused for good, whatever was undone since. */
  readonly refused?: true;
  /** ISO 8601; empty while pending. */
  readonly updatedAt: string;
  /** How it stood when its undoing began. */
  readonly forward?: Pick<StepRecord, 'state' | 'attempts' | 'updatedAt'>;
}

/** What a saga's steps look like: the order is that of going forward; undoing goes backward. */
export interface SagaShape {
  readonly kind: SagaKind;
  readonly steps: readonly { readonly name: string; readonly undoable: boolean }[];
  /** Once this step is done the saga only goes forward. Undefined: from its beginning. */
  readonly pivot: string | undefined;
  /** Name of the step that ends a saga whose steps are all undone. */
  readonly whenUndone: string | undefined;
}

/** What it was asked to do, as plain JSON. */
export type SagaInput = Readonly<Record<string, unknown>>;

export interface Saga {
  readonly sagaId: string;
  readonly kind: SagaKind;
  readonly orderId: string;
  readonly state: SagaState;
  /** Why it compensates; empty otherwise. */
  readonly reason: string;
  readonly steps: readonly StepRecord[];
  readonly input: SagaInput;
  /** Of the event that asked for it: trace and correlation id. */
  readonly headers: Readonly<Record<string, string>>;
  /** Somebody asked to undo the order; what that takes, should it be paid by then. */
  readonly cancellation: SagaInput | undefined;
  /** Failures in a row. */
  readonly failures: number;
  readonly stalled: boolean;
  readonly nextAttemptAt: Date;
  /** Grows by one with each change: a runner that lost its lease cannot save. */
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What is to be done next; `undefined` when the saga has ended. */
export type Action = { readonly step: number; readonly direction: 'invoke' | 'undo' };

/** How a try ended: `refused` for good, or `unknown`, which another try may settle. */
export type Failure = { readonly kind: 'refused' | 'unknown'; readonly reason: string };

/** Tries of one step before the pivot, after which an unknown outcome is undone like a refusal. */
export const MAX_TRIES = 10;
/** Failures in a row after which somebody should look. */
export const STALLED_AFTER = 10;

const LONGEST_WAIT_MS = 5000;

export interface NewSaga {
  readonly sagaId: string;
  readonly orderId: string;
  readonly input: SagaInput;
  readonly headers: Readonly<Record<string, string>>;
}

export function startSaga(shape: SagaShape, { sagaId, orderId, input, headers }: NewSaga, now: Date): Saga {
  const names = [...shape.steps.map(({ name }) => name), ...(shape.whenUndone ? [shape.whenUndone] : [])];
  return {
    sagaId,
    kind: shape.kind,
    orderId,
    state: 'running',
    reason: '',
    steps: names.map((name) => ({ name, state: 'pending', attempts: 0, lastError: '', updatedAt: '' })),
    input,
    headers,
    cancellation: undefined,
    failures: 0,
    stalled: false,
    nextAttemptAt: now,
    version: 1n,
    createdAt: now,
    updatedAt: now,
  };
}

export const hasEnded = (saga: Saga): boolean => saga.state === 'completed' || saga.state === 'compensated';

/** The saga as it goes on from here, and what it does next. A cancellation asked for before the pivot turns it back. */
export function advance(shape: SagaShape, saga: Saga, now: Date): { saga: Saga; action: Action | undefined } {
  if (hasEnded(saga)) return { saga, action: undefined };
  if (saga.state === 'running') {
    if (saga.cancellation && !pivotBegun(shape, saga)) return advance(shape, turnBack(saga, 'CANCELLED', now), now);
    const step = shape.steps.findIndex((_, index) => saga.steps[index]?.state !== 'done');
    if (step >= 0) return { saga, action: { step, direction: 'invoke' } };
    return { saga: end(saga, 'completed', now), action: undefined };
  }
  for (let step = shape.steps.length - 1; step >= 0; step--) {
    const { state } = saga.steps[step] as StepRecord;
    if (shape.steps[step]?.undoable && state !== 'pending' && state !== 'undone')
      return { saga, action: { step, direction: 'undo' } };
  }
  const last = shape.steps.length;
  if (saga.steps[last] && saga.steps[last].state !== 'done')
    return { saga, action: { step: last, direction: 'invoke' } };
  return { saga: end(saga, 'compensated', now), action: undefined };
}

/**
 * Registers the steps that come before the pivot, to be saved once for all of them: a process that dies may have tried any.
 * They are `trying` without an attempt.
 */
export function registerAhead(shape: SagaShape, saga: Saga): Saga {
  if (saga.state !== 'running') return saga;
  const pivot = pivotOf(shape);
  return withSteps(saga, ({ state }, at) => (at < pivot && state === 'pending' ? { state: 'trying' } : {}));
}

/** What was registered ahead is not going to be tried soon. Only its own process knows that it was not. */
export function withdrawAhead(saga: Saga): Saga {
  return withSteps(saga, (step) => (isRegisteredOnly(step) ? { state: 'pending' } : {}));
}

/** A saga that another process may have left: it may have tried what it had registered. */
export function takeOver(saga: Saga): Saga {
  return withSteps(saga, (step) => (isRegisteredOnly(step) ? { attempts: 1 } : {}));
}

/**
 * Whether a try may be made before it is saved: what is saved knows that it may have been made, or nothing can turn the saga
 * back. After a crash it is only made again.
 */
export function maySaveLater(shape: SagaShape, saved: Saga, now: Saga, { step, direction }: Action): boolean {
  if (now.state !== 'running' || direction !== 'invoke') return false;
  return goesForwardOnly(shape, now) || saved.steps[step]?.state === 'trying';
}

/** Notes a try. Its step is registered: whatever becomes of it, it will be undone if the saga turns back. */
export function beginTry(saga: Saga, { step, direction }: Action, now: Date): Saga {
  return touch(
    withStep(saga, step, now, ({ state, attempts, updatedAt, forward = { state, attempts, updatedAt } }) => ({
      attempts: attempts + 1,
      ...(direction === 'invoke' ? { state: 'trying' } : { forward }),
    })),
    now,
  );
}

export function succeed(saga: Saga, { step, direction }: Action, now: Date): Saga {
  const done = withStep(saga, step, now, ({ refused, lastError }) => ({
    state: direction === 'invoke' ? 'done' : 'undone',
    lastError: refused ? lastError : '',
  }));
  return touch({ ...done, failures: 0, stalled: false }, now);
}

/** @param jitter 0 to 1, spreads the next tries of many sagas. */
export function fail(shape: SagaShape, saga: Saga, action: Action, failure: Failure, now: Date, jitter: number): Saga {
  const { step } = action;
  const failures = saga.failures + 1;
  const waited = {
    ...touch(saga, now),
    failures,
    stalled: failures >= STALLED_AFTER,
    nextAttemptAt: backoff(failures, now, jitter),
  };
  const refused = failure.kind === 'refused';
  const mayTurn = mayTurnBack(shape, saga, step);
  const failed = withStep(waited, step, now, ({ state }) => ({
    ...(refused && mayTurn ? { state: 'failed', refused } : { state }),
    lastError: failure.reason,
  }));
  if (!mayTurn) return failed;
  const isPivot = shape.steps[step]?.name === shape.pivot;
  const triesLeft = isPivot || (saga.steps[step]?.attempts ?? 0) < MAX_TRIES;
  return refused || !triesLeft ? turnBack(failed, failure.reason, now) : failed;
}

/** Notes that the order is to be undone. After the pivot that takes a saga of its own, once this one is completed. */
export function requestCancellation(saga: Saga, cancellation: SagaInput, now: Date): Saga {
  return { ...touch(saga, now), cancellation, nextAttemptAt: now };
}

/** Tries again now. */
export function retryNow(saga: Saga, now: Date): Saga {
  return { ...touch(saga, now), nextAttemptAt: now };
}

/** -1 where there is none. */
function pivotOf(shape: SagaShape): number {
  return shape.steps.findIndex(({ name }) => name === shape.pivot);
}

/** Nothing can turn it back any more: after a crash its steps from the pivot on may all be tried again. */
function goesForwardOnly(shape: SagaShape, saga: Saga): boolean {
  const pivot = pivotOf(shape);
  return saga.state === 'running' && (pivot < 0 || saga.steps[pivot]?.state === 'done');
}

function pivotBegun(shape: SagaShape, saga: Saga): boolean {
  const pivot = pivotOf(shape);
  return pivot < 0 || saga.steps[pivot]?.state !== 'pending';
}

function mayTurnBack(shape: SagaShape, saga: Saga, step: number): boolean {
  const pivot = pivotOf(shape);
  return saga.state === 'running' && step <= pivot;
}

function turnBack(saga: Saga, reason: string, now: Date): Saga {
  const turned = touch(withdrawAhead(saga), now);
  return { ...turned, state: 'compensating', reason, failures: 0, stalled: false, nextAttemptAt: now };
}

function end(saga: Saga, state: 'completed' | 'compensated', now: Date): Saga {
  return { ...touch(saga, now), state, stalled: false, failures: 0 };
}

function touch(saga: Saga, now: Date): Saga {
  return { ...saga, updatedAt: now };
}

function withStep(saga: Saga, index: number, now: Date, change: (step: StepRecord) => Partial<StepRecord>): Saga {
  return withSteps(saga, (step, at) => (at === index ? { ...change(step), updatedAt: now.toISOString() } : {}));
}

function withSteps(saga: Saga, change: (step: StepRecord, index: number) => Partial<StepRecord>): Saga {
  return { ...saga, steps: saga.steps.map((step, index) => ({ ...step, ...change(step, index) })) };
}

const isRegisteredOnly = ({ state, attempts }: StepRecord): boolean => state === 'trying' && attempts === 0;

function backoff(failures: number, now: Date, jitter: number): Date {
  const wait = Math.min(LONGEST_WAIT_MS, 50 * 2 ** Math.min(failures, 10));
  return new Date(now.getTime() + wait / 2 + (wait / 2) * jitter);
}
