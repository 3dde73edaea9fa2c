import { type EndedSession, MAX_SESSIONS, type Session, type SessionEnd } from '../domain/session.ts';
import type { User } from '../domain/user.ts';
import type { AccessToken, RefreshTokens, Tokens, UsersTransaction } from './ports.ts';

export interface SessionNeeds {
  readonly tokens: Tokens;
  readonly refreshTokens: RefreshTokens;
  readonly sessionMs: number;
  readonly newId: () => string;
}

export interface SignedIn {
  readonly user: User;
  readonly token: AccessToken;
  readonly refreshToken: string;
  readonly session: Session;
}

/** Opens a session; the person's oldest ones make room. The account has to be locked. */
export async function openSession(
  { tokens, refreshTokens, sessionMs, newId }: SessionNeeds,
  tx: UsersTransaction,
  user: User,
  now: Date,
): Promise<SignedIn> {
  const expiresAt = new Date(now.getTime() + sessionMs);
  const session: Session = { sessionId: newId(), userId: user.userId, openedAt: now, expiresAt };
  await endSessions(tx, user.userId, 'too-many', now, MAX_SESSIONS - 1);
  const { text, handleHash, secretHash } = refreshTokens.first();
  await tx.insertSession(session, handleHash, secretHash);
  tx.publish({ type: 'session-opened', session });
  return { user, token: await tokens.issue(user, newId(), now), refreshToken: text, session };
}

/** Ends a person's sessions, but the newest `keep`. */
export async function endSessions(
  tx: UsersTransaction,
  userId: string,
  reason: SessionEnd,
  now: Date,
  keep = 0,
): Promise<void> {
  for (const session of await tx.removeSessions(userId, keep, now)) tell(tx, { session, reason, endedAt: now });
}

export async function endSession(tx: UsersTransaction, ended: EndedSession): Promise<void> {
  if (await tx.removeSession(ended.session.sessionId)) tell(tx, ended);
}

const tell = (tx: UsersTransaction, ended: EndedSession) => tx.publish({ type: 'session-revoked', ended });
