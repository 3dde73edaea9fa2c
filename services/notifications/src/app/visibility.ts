import { DomainError } from '@weft/kit/failure';

export class NotYours extends DomainError {
  constructor() {
    super('permission-denied', 'NOT_YOURS', 'customers read their own notifications only');
  }
}

export interface Viewer {
  readonly id: string;
  readonly roles: readonly string[];
}

/** Whose notifications a user reads: their own unless staff name another. Throws NotYours. */
export function readableBy(viewer: Viewer | undefined, wanted: string): string {
  if (!viewer) throw new NotYours();
  if (wanted === '' || wanted === viewer.id) return viewer.id;
  if (!viewer.roles.includes('support') && !viewer.roles.includes('admin')) throw new NotYours();
  return wanted;
}
