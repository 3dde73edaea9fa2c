import type { User } from './context.ts';

/** Staff see what every customer has, and act for them. */
export function isStaff({ roles }: Pick<User, 'roles'>): boolean {
  return roles.includes('support') || roles.includes('admin');
}

/** Whether a user may see what belongs to a customer: their own, or anybody's for staff. */
export function maySee(user: User | undefined, owner: string | undefined): boolean {
  return user !== undefined && (user.id === owner || isStaff(user));
}

/** The id that a user acts for: their own unless they name another, which only staff may: undefined where it is not theirs to. */
export function actsFor(user: User | undefined, wanted: string): string | undefined {
  if (!user) return undefined;
  if (wanted === '' || wanted === user.id) return user.id;
  return isStaff(user) ? wanted : undefined;
}
