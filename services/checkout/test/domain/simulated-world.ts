import type { SagaShape } from '../../src/domain/saga.ts';

/** What becomes of one call: `late` is lost on its way out and arrives when everybody has stopped waiting for it. */
export type Fate = 'done' | 'refused' | 'answer lost' | 'question lost' | 'late';

/**
 * The services that a saga calls, as they promise to be: each call may be repeated and happens once, and an undo of what was
 * never seen is remembered, so that what comes late is refused.
 */
export class SimulatedWorld {
  /** Steps whose effect stands. */
  readonly done = new Set<number>();
  /** Every effect that ever took place, in order. */
  readonly history: string[] = [];
  readonly #shape: SagaShape;
  readonly #pivot: number;
  readonly #pivotRefuses: boolean;
  readonly #undone = new Set<number>();
  readonly #late: number[] = [];

  constructor(shape: SagaShape, pivotRefuses: boolean) {
    this.#shape = shape;
    this.#pivot = shape.steps.findIndex(({ name }) => name === shape.pivot);
    this.#pivotRefuses = pivotRefuses;
  }

  invoke(step: number, fate: Fate): 'done' | 'refused' | 'unknown' {
    if (this.#refuses(step, fate)) return 'refused';
    if (fate === 'late') this.#late.push(step);
    else if (fate !== 'question lost') this.#do(step);
    return fate === 'done' || fate === 'refused' ? 'done' : 'unknown';
  }

  undo(step: number, fate: Fate): 'done' | 'refused' | 'unknown' {
    if (fate === 'refused') return 'refused';
    if (fate === 'question lost' || fate === 'late') return 'unknown';
    this.#undone.add(step);
    if (this.done.delete(step)) this.history.push(`undo ${step}`);
    return fate === 'done' ? 'done' : 'unknown';
  }

  /** Calls that nobody waits for any more come to where they were sent. */
  deliverLate(): void {
    for (const step of this.#late.splice(0)) if (!this.#refuses(step, 'late')) this.#do(step);
  }

  /** What was done is not refused when it is asked for again; the pivot always says the same. */
  #refuses(step: number, fate: Fate): boolean {
    if (this.#undone.has(step)) return true;
    if (this.done.has(step)) return false;
    if (step === this.#pivot) return this.#pivotRefuses || !this.#undoablesStand();
    return fate === 'refused';
  }

  #undoablesStand(): boolean {
    return this.#shape.steps.every(({ undoable }, index) => !undoable || this.done.has(index));
  }

  #do(step: number): void {
    if (this.done.has(step)) return;
    this.done.add(step);
    this.history.push(`do ${step}`);
  }
}
