import type { Saga, SagaKind, SagaShape } from '../domain/saga.ts';

/** One step: what it does and what takes it back. Both are repeated until their outcome is known. */
export interface Step<Input> {
  readonly name: string;
  /** Whom it asks. */
  readonly service: 'inventory' | 'orders' | 'payments' | 'shipping';
  readonly invoke: (input: Input, saga: Saga) => Promise<void>;
  readonly undo?: (input: Input, saga: Saga) => Promise<void>;
}

export interface SagaDefinition<Input> {
  readonly kind: SagaKind;
  readonly steps: readonly Step<Input>[];
  /** Once this step is done the saga only goes forward. Undefined: from its beginning. */
  readonly pivot?: string;
  /** Ends a saga whose steps are all undone. */
  readonly whenUndone?: Step<Input>;
  readonly read: (input: Saga['input']) => Input;
  /** What is kept of the input once the saga has ended. */
  readonly forget?: (input: Saga['input']) => Saga['input'];
}

export function shapeOf<Input>({ kind, steps, pivot, whenUndone }: SagaDefinition<Input>): SagaShape {
  return {
    kind,
    steps: steps.map(({ name, undo }) => ({ name, undoable: undo !== undefined })),
    pivot,
    whenUndone: whenUndone?.name,
  };
}

/** Whom a step of a saga asks; undefined of one that there is no more. */
export function serviceOf<Input>({ steps, whenUndone }: SagaDefinition<Input>, step: string): string | undefined {
  return [...steps, ...(whenUndone ? [whenUndone] : [])].find(({ name }) => name === step)?.service;
}
