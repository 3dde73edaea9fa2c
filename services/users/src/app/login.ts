import { BadCredentials } from '../domain/failures.ts';
import type { User } from '../domain/user.ts';
import type { AccessToken, Passwords, Tokens, UsersStore } from './ports.ts';

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

interface Needs {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly now: () => Date;
  readonly newId: () => string;
}

/** Exchanges credentials for an access token. What is wrong about them shows neither in the failure nor in the time it takes. */
export async function login(
  { store, passwords, tokens, now, newId }: Needs,
  { email, password }: Credentials,
  signal: AbortSignal,
): Promise<{ user: User; token: AccessToken }> {
  const account = await store.findAccount(email);
  const matches = await passwords.matches(account?.passwordHash, password, signal);
  if (!account || !matches) throw new BadCredentials();
  return { user: account.user, token: await tokens.issue(account.user, newId(), now()) };
}
