import { DomainError } from '@weft/kit/failure';
import type { Answerer } from './handler.ts';

/** Of every other path. */
export const answerNothing: Answerer = () => {
  throw new DomainError('not-found', 'NO_SUCH_PATH', 'there is nothing here');
};
