import { makeAdmin, openUser } from '../domain/user.ts';
import type { Credentials } from './login.ts';
import type { Passwords, UsersStore } from './ports.ts';

interface Needs {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly now: () => Date;
  readonly newId: () => string;
}

/** Afterwards the address has an account of an administrator with this password. */
export async function ensureAdmin(
  { store, passwords, now, newId }: Needs,
  { email, password }: Credentials,
): Promise<void> {
  const standing = await store.findAccount(email);
  const known = await passwords.matches(standing?.passwordHash, password);
  if (known && standing?.user.roles.includes('admin')) return;
  const passwordHash = known && standing ? standing.passwordHash : await passwords.hash(password);
  await store.transaction(async (tx) => {
    const account = await tx.accountOf(email);
    if (!account) {
      const user = openUser({ userId: newId(), email, fullName: 'Administrator', roles: ['admin'] }, now());
      await tx.insert({ user, passwordHash });
      tx.publish({ type: 'registered', user });
      return;
    }
    const { user, fields } = makeAdmin(account.user, account.passwordHash !== passwordHash, now());
    if (fields.length === 0) return;
    await tx.save({ user, passwordHash });
    tx.publish({ type: 'updated', user, fields });
  });
}
