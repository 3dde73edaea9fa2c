import { type Account, makeAdmin, openUser } from '../domain/user.ts';
import type { Credentials } from './check-password.ts';
import type { Passwords, UsersStore } from './ports.ts';
import { endSessions } from './sessions.ts';

interface Needs {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly now: () => Date;
  readonly newId: () => string;
}

const TRIES = 5;

/** Afterwards the address has an account of an administrator with this password. */
export async function ensureAdmin(needs: Needs, admin: Credentials): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const standing = await needs.store.findAccount(admin.email);
    if (await bringAbout(needs, admin, standing)) return;
  }
  throw new Error('the account of the administrator is being changed by others');
}

/** False when the account is no longer as it was found: another process may have done what there is to do. */
async function bringAbout(
  needs: Needs,
  { email, password }: Credentials,
  standing: Account | undefined,
): Promise<boolean> {
  const { store, passwords, now, newId } = needs;
  const known = standing !== undefined && (await passwords.matches(standing.passwordHash, password));
  if (known && standing.user.roles.includes('admin')) return true;
  const passwordHash = known ? standing.passwordHash : await passwords.hash(password);
  return store.transaction(async (tx) => {
    const account = await tx.accountOf(email);
    if (account?.user.version !== standing?.user.version) return false;
    if (!account) {
      const user = openUser({ userId: newId(), email, fullName: 'Administrator', roles: ['admin'] }, now());
      await tx.insert({ user, passwordHash });
      tx.publish({ type: 'registered', user });
      return true;
    }
    const { user, fields } = makeAdmin(account.user, !known, now());
    await tx.save({ user, passwordHash });
    tx.publish({ type: 'updated', user, fields });
    if (!known) await endSessions(tx, user.userId, 'password-changed', now());
    return true;
  });
}
