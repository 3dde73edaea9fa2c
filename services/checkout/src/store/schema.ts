import type { JSONColumnType } from 'kysely';
import type { SagaInput, SagaKind, SagaState, StepRecord } from '../domain/saga.ts';

export interface CheckoutSchema {
  saga: {
    saga_id: string;
    kind: SagaKind;
    order_id: string;
    state: SagaState;
    reason: string;
    steps: JSONColumnType<StepRecord[]>;
    input: JSONColumnType<SagaInput>;
    headers: JSONColumnType<Record<string, string>>;
    cancellation: JSONColumnType<SagaInput> | null;
    failures: number;
    stalled: boolean;
    next_attempt_at: Date;
    version: bigint;
    created_at: Date;
    updated_at: Date;
    lease_id: string | null;
    lease_until: Date | null;
  };
}
