import { assertFree, openUser, type User } from '../domain/user.ts';
import type { Passwords, UsersStore } from './ports.ts';

export interface NewCustomer {
  readonly email: string;
  readonly fullName: string;
  readonly password: string;
}

interface Needs {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly now: () => Date;
  readonly newId: () => string;
}

/** Opens a customer's account. */
export async function register(
  { store, passwords, now, newId }: Needs,
  customer: NewCustomer,
  signal: AbortSignal,
): Promise<User> {
  const { email, fullName, password } = customer;
  const userId = newId();
  // Hashing is dear: an address that is taken already is refused before it.
  assertFree((await store.findAccount(email))?.user, userId);
  const passwordHash = await passwords.hash(password, signal);
  return store.transaction(async (tx) => {
    assertFree((await tx.accountOf(email))?.user, userId);
    const user = openUser({ userId, email, fullName, roles: ['customer'] }, now());
    await tx.insert({ user, passwordHash });
    tx.publish({ type: 'registered', user });
    return user;
  });
}
