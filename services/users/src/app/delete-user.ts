import { UserNotFound } from '../domain/failures.ts';
import { eraseUser, type User } from '../domain/user.ts';
import type { UsersStore } from './ports.ts';
import { endSessions } from './sessions.ts';

/** Erases an account's personal data and ends its sessions, once. */
export function deleteUser(store: UsersStore, userId: string, now: Date): Promise<User> {
  return store.transaction(async (tx) => {
    const account = await tx.account(userId);
    if (!account) throw new UserNotFound(userId);
    const user = eraseUser(account.user, now);
    if (user === account.user) return user;
    await tx.save({ user, passwordHash: '' });
    await tx.forgetFailedLogins(account.user.email);
    tx.publish({ type: 'deleted', user });
    await endSessions(tx, userId, 'user-deleted', now);
    return user;
  });
}
