import type { RefreshTokens, UsersStore } from './ports.ts';
import { endSession, endSessions } from './sessions.ts';

interface Needs {
  readonly store: UsersStore;
  readonly refreshTokens: RefreshTokens;
  readonly now: () => Date;
}

/** Ends the session that a refresh token belongs to, spent or not, or all of its person's. */
export async function logout({ store, refreshTokens, now }: Needs, text: string, allSessions: boolean): Promise<void> {
  const presented = refreshTokens.parse(text);
  if (!presented) return;
  await store.transaction(async (tx) => {
    const stored = await tx.sessionOf(presented.handleHash);
    if (!stored) return;
    const { session } = stored;
    await endSession(tx, { session, reason: 'logged-out', endedAt: now() });
    if (allSessions) await endSessions(tx, session.userId, 'logged-out', now());
  });
}
