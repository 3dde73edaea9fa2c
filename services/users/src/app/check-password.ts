import { BadCredentials } from '../domain/failures.ts';
import { assertUnlocked, oneMore } from '../domain/lockout.ts';
import type { Account } from '../domain/user.ts';
import type { Passwords, UsersStore, UsersTransaction } from './ports.ts';

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

interface Needs {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly now: () => Date;
}

/**
 * Checks credentials, then does the work in a transaction in which the account is locked and as it was checked. What is wrong
 * about them shows neither in the failure nor in the time it takes. Throws LoginLocked after too many wrong passwords; of those
 * that are checked at the same time none is answered once the address is locked.
 */
export async function withPassword<T>(
  { store, passwords, now }: Needs,
  { email, password }: Credentials,
  signal: AbortSignal,
  work: (tx: UsersTransaction, account: Account) => Promise<T>,
): Promise<T> {
  assertUnlocked(await store.findFailedLogins(email), now());
  const account = await store.findAccount(email);
  const matches = await passwords.matches(account?.passwordHash, password, signal);
  const done = await store.transaction(async (tx) => {
    const failed = await tx.failedLogins(email);
    assertUnlocked(failed, now());
    const standing = account && (await tx.account(account.user.userId));
    if (matches && standing && standing.passwordHash === account.passwordHash) {
      if (failed) await tx.forgetFailedLogins(email);
      return { result: await work(tx, standing) };
    }
    const counted = oneMore(failed, now());
    await tx.saveFailedLogins(email, counted);
    if (standing && counted.lockedUntil) tx.publish({ type: 'locked-out', user: standing.user, failed: counted });
    return undefined;
  });
  if (!done) throw new BadCredentials();
  return done.result;
}
