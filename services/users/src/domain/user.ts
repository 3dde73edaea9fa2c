import { EmailTaken, UserDeleted, VersionMismatch } from './failures.ts';

export type Role = 'customer' | 'support' | 'admin';

/** A person's account without its password. Once deleted its email and name are empty. */
export interface User {
  readonly userId: string;
  readonly email: string;
  readonly fullName: string;
  readonly roles: readonly Role[];
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | undefined;
}

/** What is kept of an account. */
export interface Account {
  readonly user: User;
  /** Empty once deleted. */
  readonly passwordHash: string;
}

/** What a person may change of their account; only what is there. */
export interface UserChange {
  readonly email?: string | undefined;
  readonly fullName?: string | undefined;
}

export type ChangedField = keyof UserChange | 'password' | 'roles';

export interface Changed {
  readonly user: User;
  /** Empty when nothing changed. */
  readonly fields: readonly ChangedField[];
}

/** Addresses are compared by this. */
export const emailKey = (email: string): string => email.toLowerCase();

export function openUser(person: Pick<User, 'userId' | 'email' | 'fullName' | 'roles'>, now: Date): User {
  return { ...person, version: 1n, createdAt: now, updatedAt: now, deletedAt: undefined };
}

/**
 * The account with the fields that are set. An expected version of 0 matches any. The same change again, made because its
 * answer was lost, finds itself done and is no mismatch.
 */
export function changeUser(user: User, wanted: UserChange, expectedVersion: bigint, now: Date): Changed {
  if (user.deletedAt) throw new UserDeleted(user.userId);
  const set = (['email', 'fullName'] as const).filter((field) => wanted[field] !== undefined);
  const fields = set.filter((field) => wanted[field] !== user[field]);
  const repeated = set.length > 0 && fields.length === 0 && expectedVersion === user.version - 1n;
  if (expectedVersion !== 0n && expectedVersion !== user.version && !repeated) {
    throw new VersionMismatch(user.userId, user.version);
  }
  if (fields.length === 0) return { user, fields };
  const { email = user.email, fullName = user.fullName } = wanted;
  return { user: { ...user, email, fullName, version: user.version + 1n, updatedAt: now }, fields };
}

/** The account with the role of an administrator; a new password counts as a change of it. */
export function makeAdmin(user: User, newPassword: boolean, now: Date): Changed {
  const newRole = !user.roles.includes('admin');
  const fields: ChangedField[] = [
    ...(newPassword ? ['password' as const] : []),
    ...(newRole ? ['roles' as const] : []),
  ];
  if (fields.length === 0) return { user, fields };
  const roles: readonly Role[] = newRole ? [...user.roles, 'admin'] : user.roles;
  return { user: { ...user, roles, version: user.version + 1n, updatedAt: now }, fields };
}

/** The account once it has another password. */
export function newPassword(user: User, now: Date): Changed {
  return { user: { ...user, version: user.version + 1n, updatedAt: now }, fields: ['password'] };
}

/** What is left of a deleted account; the same object when it is deleted already. */
export function eraseUser(user: User, now: Date): User {
  if (user.deletedAt) return user;
  return { ...user, email: '', fullName: '', version: user.version + 1n, updatedAt: now, deletedAt: now };
}

/** Refuses an address that another account has. */
export function assertFree(holder: User | undefined, userId: string): void {
  if (holder && holder.userId !== userId) throw new EmailTaken();
}
