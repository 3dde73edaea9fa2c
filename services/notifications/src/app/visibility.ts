import { DomainError } from '@weft/kit/failure';
import { actsFor, type User } from '@weft/kit/rpc';

export class NotYours extends DomainError {
  constructor() {
    super('permission-denied', 'NOT_YOURS', 'customers read their own notifications only');
  }
}

/** Whose notifications a user reads: their own unless staff name another. Throws NotYours. */
export function readableBy(viewer: User | undefined, wanted: string): string {
  const user = actsFor(viewer, wanted);
  if (user === undefined) throw new NotYours();
  return user;
}
