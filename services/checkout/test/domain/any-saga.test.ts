import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Action,
  advance,
  beginTry,
  fail,
  hasEnded,
  MAX_TRIES,
  maySaveLater,
  registerAhead,
  requestCancellation,
  type Saga,
  type SagaShape,
  STALLED_AFTER,
  startSaga,
  succeed,
  takeOver,
  withdrawAhead,
} from '../../src/domain/saga.ts';
import { type Fate, SimulatedWorld } from './simulated-world.ts';

const LONGEST_WAIT_MS = 5000;

/** Any number of steps that can be undone, a pivot, and any number of steps that only go forward; or none but these. */
const shapes: fc.Arbitrary<SagaShape> = fc.oneof(
  fc.tuple(fc.nat(3), fc.nat(3)).map(
    ([before, after]): SagaShape => ({
      kind: 'place-order',
      steps: [
        ...Array.from({ length: before }, (_, index) => ({ name: `before ${index}`, undoable: true })),
        { name: 'pivot', undoable: false },
        ...Array.from({ length: after }, (_, index) => ({ name: `after ${index}`, undoable: false })),
      ],
      pivot: 'pivot',
      whenUndone: 'reject',
    }),
  ),
  fc.integer({ min: 1, max: 4 }).map(
    (count): SagaShape => ({
      kind: 'cancel-order',
      steps: Array.from({ length: count }, (_, index) => ({ name: `step ${index}`, undoable: false })),
      pivot: undefined,
      whenUndone: undefined,
    }),
  ),
);

const turns = fc.array(
  fc.record({
    fate: fc.constantFrom<Fate>('done', 'done', 'done', 'refused', 'answer lost', 'question lost', 'late'),
    crash: fc.constantFrom('no', 'no', 'no', 'no', 'before the call', 'before the save'),
    cancel: fc.constantFrom('no', 'no', 'no', 'no', 'no', 'no', 'before', 'during'),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { maxLength: 60, size: 'max' },
);
type Turn = typeof turns extends fc.Arbitrary<readonly (infer T)[]> ? T : never;

const SMOOTH: Turn = { fate: 'done', crash: 'no', cancel: 'no', jitter: 0 };

/**
 * Runs a saga as its runner does, saving as seldom as it may, and checks each turn. After a crash it has what was saved; a
 * cancellation is written by somebody else, and found when it saves.
 */
class Simulation {
  readonly world: SimulatedWorld;
  readonly #shape: SagaShape;
  readonly #pivot: number;
  /** As it stands in the database, and as the process last saw it there. */
  #row: Saga;
  #saved: Saga;
  /** What has become of it since. */
  #changes: ((saga: Saga) => Saga)[] = [];
  #time = 0;
  #failures = 0;

  constructor(shape: SagaShape, pivotRefuses: boolean) {
    this.#shape = shape;
    this.#pivot = shape.steps.findIndex(({ name }) => name === shape.pivot);
    this.world = new SimulatedWorld(shape, pivotRefuses);
    this.#row = startSaga(shape, { sagaId: 's', orderId: 'o', input: {}, headers: {} }, this.#now());
    this.#saved = this.#row;
  }

  /** What the process knows. */
  get known(): Saga {
    return this.#changes.reduce((saga, change) => change(saga), this.#saved);
  }

  turn({ fate, crash, cancel, jitter }: Turn): void {
    if (cancel === 'before') this.#cancel();
    const { saga, action } = advance(this.#shape, this.known, this.#now());
    if (saga.state !== this.known.state) this.#failures = 0;
    if (!action) return void this.#save(withdrawAhead(saga));
    const at = this.#now();
    if (maySaveLater(this.#shape, this.#saved, saga, action)) this.#changes.push((one) => beginTry(one, action, at));
    else if (!this.#save(registerAhead(this.#shape, beginTry(saga, action, at)))) return;
    if (crash === 'before the call') return this.#crash();
    this.#assertAllowed(action);
    const outcome = this.#call(action, fate);
    if (cancel === 'during') this.#cancel();
    if (crash === 'before the save') return this.#crash();
    this.#note(action, outcome, jitter);
    // It waits before it tries again, and whoever goes on then has what was saved.
    if (outcome !== 'done') this.#save(withdrawAhead(this.known));
  }

  /** False when somebody has changed it: what has become of it is then noted on what it is now. */
  #save(saga: Saga): boolean {
    const asSeen = this.#row === this.#saved;
    if (asSeen) {
      this.#row = saga;
      this.#changes = [];
    }
    this.#saved = this.#row;
    return asSeen;
  }

  #crash(): void {
    this.#saved = this.#row;
    this.#changes = [takeOver];
    this.#failures = this.known.failures;
  }

  #call({ step, direction }: Action, fate: Fate): 'done' | 'refused' | 'unknown' {
    return direction === 'invoke' ? this.world.invoke(step, fate) : this.world.undo(step, fate);
  }

  #note(action: Action, outcome: 'done' | 'refused' | 'unknown', jitter: number): void {
    const before = this.known;
    const now = this.#now();
    if (outcome === 'done') {
      this.#failures = 0;
      this.#changes.push((saga) => succeed(saga, action, now));
      expect(this.known).toMatchObject({ failures: 0, stalled: false });
      return;
    }
    this.#failures++;
    const failure = { kind: outcome, reason: outcome.toUpperCase() } as const;
    this.#changes.push((saga) => fail(this.#shape, saga, action, failure, now, jitter));
    if (this.known.state !== before.state) {
      expect(action.direction).toBe('invoke');
      expect(action.step).toBeLessThanOrEqual(this.#pivot);
      if (outcome === 'unknown') {
        expect(action.step).toBeLessThan(this.#pivot);
        expect(this.known.steps[action.step]?.attempts).toBeGreaterThanOrEqual(MAX_TRIES);
      }
      this.#failures = 0;
      return;
    }
    expect(this.known.failures).toBe(this.#failures);
    expect(this.known.stalled).toBe(this.#failures >= STALLED_AFTER);
    const wait = this.known.nextAttemptAt.getTime() - now.getTime();
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(LONGEST_WAIT_MS);
  }

  /** What holds whenever a call is made. */
  #assertAllowed({ step, direction }: Action): void {
    const { steps, state } = this.known;
    expect(steps[step]?.attempts).toBeGreaterThan(0);
    if (direction === 'undo') {
      expect(this.#shape.steps[step]?.undoable).toBe(true);
      expect(state).toBe('compensating');
      expect(this.world.done.has(this.#pivot)).toBe(false);
      for (let later = step + 1; later < this.#shape.steps.length; later++) {
        if (this.#shape.steps[later]?.undoable) expect(['pending', 'undone']).toContain(steps[later]?.state);
      }
      return;
    }
    expect(steps[step]?.state).toBe('trying');
    if (step < this.#shape.steps.length) {
      expect(state).toBe('running');
      for (let earlier = 0; earlier < step; earlier++) expect(this.world.done.has(earlier)).toBe(true);
    } else this.#assertUndone();
  }

  /** A late call must not count: it is delivered first. */
  #assertUndone(): void {
    this.world.deliverLate();
    expect([...this.world.done].filter((step) => step < this.#shape.steps.length)).toEqual([]);
  }

  assertEnd(): void {
    expect(hasEnded(this.known)).toBe(true);
    expect(this.known).toMatchObject({ failures: 0, stalled: false });
    const { steps } = this.#shape;
    if (this.known.state === 'completed') {
      expect([...this.world.done].sort()).toEqual(steps.map((_, index) => index));
      expect(this.world.history).toEqual(steps.map((_, index) => `do ${index}`));
      expect(this.known.reason).toBe('');
    } else {
      expect(this.#pivot).toBeGreaterThanOrEqual(0);
      this.world.deliverLate();
      expect([...this.world.done]).toEqual([steps.length]);
      expect(this.world.history.filter((one) => one === `do ${this.#pivot}`)).toEqual([]);
      expect(this.known.reason).not.toBe('');
    }
  }

  #cancel(): void {
    if (hasEnded(this.#row)) return;
    this.#row = requestCancellation(this.#row, { refund: '1' }, this.#now());
    expect(this.#row.nextAttemptAt).toEqual(this.#row.updatedAt);
  }

  #now(): Date {
    return new Date(this.#time++);
  }
}

describe('a saga, whatever becomes of its calls', () => {
  it('ends with everything done or everything undone, and never takes back what is paid', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), turns, (shape, pivotRefuses, fates) => {
        const simulation = new Simulation(shape, pivotRefuses);
        for (const turn of fates) simulation.turn(turn);
        // Once all goes well it takes no more turns than there are steps to do and to undo.
        for (let left = 2 * (shape.steps.length + 1) + 2; left > 0; left--) simulation.turn(SMOOTH);
        simulation.assertEnd();
      }),
      { numRuns: 400 },
    );
  });

  it('goes on to its end however long one step fails', () => {
    fc.assert(
      fc.property(shapes, fc.nat(5), fc.constantFrom<Fate>('question lost', 'answer lost'), (shape, doomed, fate) => {
        const simulation = new Simulation(shape, false);
        for (let turn = 0; turn < 100; turn++) {
          const { action } = advance(shape, simulation.known, new Date(0));
          simulation.turn(action?.step === doomed && turn < 60 ? { ...SMOOTH, fate } : SMOOTH);
        }
        simulation.assertEnd();
      }),
      { numRuns: 40 },
    );
  });
});
