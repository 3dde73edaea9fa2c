import { describe, expect, it } from '@jest/globals';
import {
  advance,
  beginTry,
  fail,
  hasEnded,
  MAX_TRIES,
  maySaveLater,
  registerAhead,
  requestCancellation,
  retryNow,
  type Saga,
  type SagaShape,
  STALLED_AFTER,
  startSaga,
  succeed,
  takeOver,
  withdrawAhead,
} from '../../src/domain/saga.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const SHAPE: SagaShape = {
  kind: 'place-order',
  steps: [
    { name: 'reserve', undoable: true },
    { name: 'authorize', undoable: true },
    { name: 'capture', undoable: false },
    { name: 'commit', undoable: false },
  ],
  pivot: 'capture',
  whenUndone: 'reject',
};
const [RESERVE, AUTHORIZE, CAPTURE, COMMIT, REJECT] = [0, 1, 2, 3, 4];

const started = () => startSaga(SHAPE, { sagaId: 's', orderId: 'o', input: {}, headers: {} }, NOW);
const invoke = (step: number) => ({ step, direction: 'invoke' }) as const;
const undo = (step: number) => ({ step, direction: 'undo' }) as const;
const next = (saga: Saga) => advance(SHAPE, saga, NOW).action;
const states = (saga: Saga) => saga.steps.map(({ state }) => state);

/** The saga after the first steps went well. */
const after = (count: number, saga = started()): Saga => {
  for (let step = 0; step < count; step++) saga = succeed(beginTry(saga, invoke(step), NOW), invoke(step), NOW);
  return saga;
};

const failing = (saga: Saga, step: number, kind: 'refused' | 'unknown', times = 1): Saga => {
  for (let time = 0; time < times; time++) {
    saga = fail(SHAPE, beginTry(saga, invoke(step), NOW), invoke(step), { kind, reason: 'NO' }, NOW, 0);
  }
  return saga;
};

describe('a saga', () => {
  it('goes through its steps in order and ends', () => {
    for (let step = 0; step < SHAPE.steps.length; step++) expect(next(after(step))).toEqual(invoke(step));
    const { saga, action } = advance(SHAPE, after(4), NOW);
    expect(action).toBeUndefined();
    expect(saga.state).toBe('completed');
    expect(states(saga)).toEqual(['done', 'done', 'done', 'done', 'pending']);
    expect(advance(SHAPE, saga, NOW)).toEqual({ saga, action: undefined });
  });

  it('knows of a try before it is made, and tries again what it knows no outcome of', () => {
    const trying = beginTry(after(1), invoke(AUTHORIZE), NOW);
    expect(trying.steps[AUTHORIZE]).toMatchObject({ state: 'trying', attempts: 1, updatedAt: NOW.toISOString() });
    expect(next(trying)).toEqual(invoke(AUTHORIZE));
    expect(beginTry(trying, invoke(AUTHORIZE), NOW).steps[AUTHORIZE]?.attempts).toBe(2);
  });

  it('saves what comes before the pivot once, and the pivot before it is tried', () => {
    const saved = registerAhead(SHAPE, beginTry(started(), invoke(RESERVE), NOW));
    expect(states(saved)).toEqual(['trying', 'trying', 'pending', 'pending', 'pending']);
    const reserved = succeed(saved, invoke(RESERVE), NOW);
    expect(next(reserved)).toEqual(invoke(AUTHORIZE));
    expect(maySaveLater(SHAPE, saved, reserved, invoke(AUTHORIZE))).toBe(true);
    expect(maySaveLater(SHAPE, saved, after(2), invoke(CAPTURE))).toBe(false);
    expect(maySaveLater(SHAPE, saved, after(3), invoke(COMMIT))).toBe(true);
  });

  it('undoes a step that was registered only when it may have been tried', () => {
    const saved = registerAhead(SHAPE, beginTry(started(), invoke(RESERVE), NOW));
    const refused = { kind: 'refused', reason: 'NO' } as const;
    const turned = (saga: Saga) => fail(SHAPE, saga, invoke(RESERVE), refused, NOW, 0);
    expect(next(turned(saved))).toEqual(undo(RESERVE));
    expect(next(turned(takeOver(saved)))).toEqual(undo(AUTHORIZE));
    expect(states(withdrawAhead(saved))).toEqual(['trying', 'pending', 'pending', 'pending', 'pending']);
  });

  it('undoes what a refused step may have done, then what came before it, and ends with a rejection', () => {
    let saga = failing(after(1), AUTHORIZE, 'refused');
    expect(saga).toMatchObject({ state: 'compensating', reason: 'NO', failures: 0, stalled: false });
    expect(states(saga)).toEqual(['done', 'failed', 'pending', 'pending', 'pending']);
    for (const action of [undo(AUTHORIZE), undo(RESERVE), invoke(REJECT)]) {
      expect(next(saga)).toEqual(action);
      saga = succeed(beginTry(saga, action, NOW), action, NOW);
    }
    expect(advance(SHAPE, saga, NOW).saga.state).toBe('compensated');
    expect(states(saga)).toEqual(['undone', 'undone', 'pending', 'pending', 'done']);
  });

  it('knows of a step that is undone when it was done, and after how many tries', () => {
    const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
    const retried = failing(started(), RESERVE, 'unknown', 2);
    let saga = succeed(beginTry(retried, invoke(RESERVE), at(1)), invoke(RESERVE), at(2));
    expect(saga.steps[RESERVE]).not.toHaveProperty('forward');
    saga = beginTry(saga, undo(RESERVE), at(3));
    saga = fail(SHAPE, saga, undo(RESERVE), { kind: 'unknown', reason: 'NO' }, at(4), 0);
    saga = succeed(beginTry(saga, undo(RESERVE), at(5)), undo(RESERVE), at(6));
    expect(saga.steps[RESERVE]).toMatchObject({
      state: 'undone',
      attempts: 5,
      updatedAt: at(6).toISOString(),
      forward: { state: 'done', attempts: 3, updatedAt: at(2).toISOString() },
    });
  });

  it('is undone after a bounded number of tries without an answer before the pivot', () => {
    expect(failing(after(1), AUTHORIZE, 'unknown', MAX_TRIES - 1).state).toBe('running');
    expect(failing(after(1), AUTHORIZE, 'unknown', MAX_TRIES)).toMatchObject({ state: 'compensating', reason: 'NO' });
  });

  it('is undone when the pivot is refused, but never for want of its answer', () => {
    expect(failing(after(2), CAPTURE, 'refused').state).toBe('compensating');
    expect(failing(after(2), CAPTURE, 'unknown', 50)).toMatchObject({ state: 'running', stalled: true });
    expect(next(failing(after(2), CAPTURE, 'unknown', 50))).toEqual(invoke(CAPTURE));
  });

  it('only goes forward after the pivot, whatever is said', () => {
    const saga = failing(after(3), COMMIT, 'refused', 50);
    expect(saga).toMatchObject({ state: 'running', reason: '' });
    expect(saga.steps[COMMIT]).toMatchObject({ state: 'trying', lastError: 'NO' });
    expect(next(saga)).toEqual(invoke(COMMIT));
  });

  it('says that it is stalled after so many failures in a row, until something goes well', () => {
    const shaky = failing(after(3), COMMIT, 'unknown', STALLED_AFTER - 1);
    expect(shaky.stalled).toBe(false);
    const stalled = failing(shaky, COMMIT, 'unknown');
    expect(stalled.stalled).toBe(true);
    expect(succeed(stalled, invoke(COMMIT), NOW)).toMatchObject({ stalled: false, failures: 0 });
  });

  it('waits longer after each failure, five seconds at most, spread by half of it', () => {
    const waits = (jitter: number) =>
      Array.from({ length: 40 }, (_, failures) => {
        const saga = { ...after(3), failures };
        const failed = fail(SHAPE, saga, invoke(COMMIT), { kind: 'unknown', reason: 'NO' }, NOW, jitter);
        return failed.nextAttemptAt.getTime() - NOW.getTime();
      });
    expect(waits(0).slice(0, 9)).toEqual([50, 100, 200, 400, 800, 1600, 2500, 2500, 2500]);
    expect(waits(1).slice(0, 9)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    expect(Math.max(...waits(1))).toBe(5000);
  });

  it('goes on undoing when an undo is refused', () => {
    const turned = failing(after(1), AUTHORIZE, 'refused');
    const trying = beginTry(turned, undo(AUTHORIZE), NOW);
    const refused = fail(SHAPE, trying, undo(AUTHORIZE), { kind: 'refused', reason: 'STILL_NO' }, NOW, 0);
    expect(refused).toMatchObject({ state: 'compensating', reason: 'NO', failures: 1 });
    expect(refused.steps[AUTHORIZE]).toMatchObject({ state: 'failed', lastError: 'STILL_NO' });
    expect(next(refused)).toEqual(undo(AUTHORIZE));
  });
});

describe('a cancellation', () => {
  const cancel = (saga: Saga) => requestCancellation(saga, { refund: '1' }, NOW);

  it('turns back a saga that has not come to its pivot', () => {
    for (const [count, action] of [
      [0, invoke(REJECT)],
      [1, undo(RESERVE)],
      [2, undo(AUTHORIZE)],
    ] as const) {
      const { saga, action: first } = advance(SHAPE, cancel(after(count)), NOW);
      expect(saga).toMatchObject({ state: 'compensating', reason: 'CANCELLED' });
      expect(first).toEqual(action);
    }
  });

  it('undoes also a try of which no outcome is known', () => {
    expect(next(cancel(beginTry(after(1), invoke(AUTHORIZE), NOW)))).toEqual(undo(AUTHORIZE));
  });

  it('is kept for later once the pivot was tried', () => {
    const trying = beginTry(after(2), invoke(CAPTURE), NOW);
    for (const saga of [trying, after(3)]) {
      expect(advance(SHAPE, cancel(saga), NOW)).toMatchObject({
        saga: { state: 'running', cancellation: { refund: '1' } },
        action: { direction: 'invoke' },
      });
    }
    expect(advance(SHAPE, cancel(after(4)), NOW).saga).toMatchObject({
      state: 'completed',
      cancellation: { refund: '1' },
    });
  });

  it('and a retry are looked at now', () => {
    const waiting = failing(after(3), COMMIT, 'unknown', 5);
    const later = new Date(NOW.getTime() + 10);
    expect(requestCancellation(waiting, {}, later).nextAttemptAt).toEqual(later);
    expect(retryNow(waiting, later)).toMatchObject({ nextAttemptAt: later, failures: 5 });
  });

  it('cannot turn back a saga that has no pivot', () => {
    const forward: SagaShape = { ...SHAPE, pivot: undefined, whenUndone: undefined };
    const saga = cancel(startSaga(forward, { sagaId: 's', orderId: 'o', input: {}, headers: {} }, NOW));
    expect(advance(forward, saga, NOW)).toMatchObject({ saga: { state: 'running' }, action: invoke(RESERVE) });
    expect(hasEnded(saga)).toBe(false);
  });
});
