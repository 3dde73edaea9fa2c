import { DomainError } from '@weft/kit/failure';

export class SagaNotFound extends DomainError {
  constructor(sagaId: string) {
    super('not-found', 'SAGA_NOT_FOUND', 'there is no such saga', { saga_id: sagaId });
  }
}

export class SagaEnded extends DomainError {
  constructor(sagaId: string, state: string) {
    super('failed-precondition', 'SAGA_ENDED', 'the saga has ended', { saga_id: sagaId, state });
  }
}
