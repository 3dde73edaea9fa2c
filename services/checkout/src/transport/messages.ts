import {
  SagaKind,
  type Saga as SagaMessage,
  SagaState as SagaStateMessage,
  StepState as StepStateMessage,
} from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { toTimestamp } from '@weft/kit/time';
import { hasEnded, type Saga, type SagaKind as SagaKindName, type SagaState, type StepState } from '../domain/saga.ts';

export const KIND = {
  'place-order': SagaKind.SAGA_KIND_PLACE_ORDER,
  'cancel-order': SagaKind.SAGA_KIND_CANCEL_ORDER,
  'return-items': SagaKind.SAGA_KIND_RETURN_ITEMS,
} as const satisfies Record<Saga['kind'], SagaKind>;

const STATE = {
  running: SagaStateMessage.SAGA_STATE_RUNNING,
  compensating: SagaStateMessage.SAGA_STATE_COMPENSATING,
  completed: SagaStateMessage.SAGA_STATE_COMPLETED,
  compensated: SagaStateMessage.SAGA_STATE_COMPENSATED,
} as const satisfies Record<SagaState, SagaStateMessage>;

const STEP = {
  pending: StepStateMessage.STEP_STATE_PENDING,
  trying: StepStateMessage.STEP_STATE_TRYING,
  done: StepStateMessage.STEP_STATE_DONE,
  failed: StepStateMessage.STEP_STATE_FAILED,
  undone: StepStateMessage.STEP_STATE_UNDONE,
} as const satisfies Record<StepState, StepStateMessage>;

/** Undefined for UNSPECIFIED. */
export function fromState(state: SagaStateMessage): SagaState | undefined {
  return (Object.keys(STATE) as SagaState[]).find((name) => STATE[name] === state);
}

/** Whom a step asks; undefined of one that there is no more. */
export type ServiceOf = (kind: SagaKindName, step: string) => string | undefined;

/** Without its steps where it is not said whom they ask. */
export function toSaga(saga: Saga, serviceOf?: ServiceOf): SagaMessage {
  const { sagaId, orderId, reason, version, stalled, createdAt, updatedAt, nextAttemptAt } = saga;
  return {
    sagaId,
    kind: KIND[saga.kind],
    orderId,
    state: STATE[saga.state],
    reason,
    steps: serviceOf
      ? saga.steps.map(({ name, state, attempts, lastError, updatedAt: at, forward }) => ({
          name,
          state: STEP[state],
          attempts,
          lastError,
          updateTime: toTime(at),
          service: serviceOf(saga.kind, name) ?? '',
          forwardState: forward ? STEP[forward.state] : StepStateMessage.STEP_STATE_UNSPECIFIED,
          forwardAttempts: forward?.attempts ?? 0,
          forwardTime: toTime(forward?.updatedAt ?? ''),
        }))
      : [],
    version,
    createTime: toTimestamp(createdAt),
    updateTime: toTimestamp(updatedAt),
    nextAttemptTime: hasEnded(saga) ? undefined : toTimestamp(nextAttemptAt),
    stalled,
    correlationId: saga.headers['correlation-id'] ?? '',
  };
}

const toTime = (iso: string) => (iso === '' ? undefined : toTimestamp(new Date(iso)));
