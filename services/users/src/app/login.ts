import { type Credentials, withPassword } from './check-password.ts';
import type { Passwords, UsersStore } from './ports.ts';
import { openSession, type SessionNeeds, type SignedIn } from './sessions.ts';

interface Needs extends SessionNeeds {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly now: () => Date;
}

/** Exchanges credentials for a session. */
export function login(needs: Needs, credentials: Credentials, signal: AbortSignal): Promise<SignedIn> {
  return withPassword(needs, credentials, signal, (tx, { user }) => openSession(needs, tx, user, needs.now()));
}
