import { UserNotFound } from '../domain/failures.ts';
import { assertFree, changeUser, type User, type UserChange } from '../domain/user.ts';
import type { UsersStore } from './ports.ts';

/** Changes the fields that are set, if the account is at the expected version. */
export function updateUser(
  store: UsersStore,
  userId: string,
  wanted: UserChange,
  expectedVersion: bigint,
  now: Date,
): Promise<User> {
  return store.transaction(async (tx) => {
    const account = await tx.account(userId);
    if (!account) throw new UserNotFound(userId);
    const { user, fields } = changeUser(account.user, wanted, expectedVersion, now);
    if (fields.length === 0) return user;
    if (fields.includes('email')) assertFree((await tx.accountOf(user.email))?.user, userId);
    await tx.save({ ...account, user });
    tx.publish({ type: 'updated', user, fields });
    return user;
  });
}
