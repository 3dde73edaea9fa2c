import { UserNotFound } from './failures.ts';

/** Who asks. */
export interface Viewer {
  readonly id: string;
  readonly roles: readonly string[];
}

type Right = 'read' | 'change';

const RIGHTS: ReadonlyMap<string, readonly Right[]> = new Map([
  ['support', ['read']],
  ['admin', ['read', 'change']],
]);

/** Everybody has every right to their own account; one that is not theirs to see is not there for them. */
export function assertMay(viewer: Viewer | undefined, right: Right, userId: string): void {
  if (viewer?.id === userId) return;
  if (!viewer?.roles.some((role) => RIGHTS.get(role)?.includes(right))) throw new UserNotFound(userId);
}
