import { UserDeleted, UserNotFound } from '../domain/failures.ts';
import { newPassword, type User } from '../domain/user.ts';
import { withPassword } from './check-password.ts';
import type { Passwords, UsersStore } from './ports.ts';
import { endSessions } from './sessions.ts';

interface Needs {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly now: () => Date;
}

export interface PasswordChange {
  readonly userId: string;
  readonly currentPassword: string;
  readonly newPassword: string;
}

/** Gives an account another password and ends its sessions. */
export async function changePassword(needs: Needs, change: PasswordChange, signal: AbortSignal): Promise<User> {
  const { store, passwords, now } = needs;
  const standing = await store.find(change.userId);
  if (!standing) throw new UserNotFound(change.userId);
  if (standing.deletedAt) throw new UserDeleted(change.userId);
  const passwordHash = await passwords.hash(change.newPassword, signal);
  const credentials = { email: standing.email, password: change.currentPassword };
  return withPassword(needs, credentials, signal, async (tx, account) => {
    const { user, fields } = newPassword(account.user, now());
    await tx.save({ user, passwordHash });
    tx.publish({ type: 'updated', user, fields });
    await endSessions(tx, user.userId, 'password-changed', now());
    return user;
  });
}
