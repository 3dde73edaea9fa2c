/** What a person has who signed in: refresh tokens that follow one another, until it ends. */
export interface Session {
  readonly sessionId: string;
  readonly userId: string;
  readonly openedAt: Date;
  /** However often it is refreshed. */
  readonly expiresAt: Date;
}

export type SessionEnd = 'logged-out' | 'token-reused' | 'password-changed' | 'user-deleted' | 'too-many';

export interface EndedSession {
  readonly session: Session;
  readonly reason: SessionEnd;
  readonly endedAt: Date;
}

/** Sessions of one person; the oldest make room. */
export const MAX_SESSIONS = 10;

/** How long an exchange may be sent again with its key. */
export const RETRY_MS = 60_000;

/** The secrets of a session, hashed, as they are kept. */
export interface SessionSecrets {
  /** Of the refresh token that is good now. */
  readonly current: Uint8Array;
  /** Of the one before; absent until the first exchange. */
  readonly spent: Uint8Array | undefined;
  readonly rotatedAt: Date;
}

/** What a refresh token turns out to be, by comparing what was sent with what is kept. */
export type Presented = 'current' | 'spent-last' | 'spent';

/** What to do about a refresh token that was sent. */
export type Verdict = 'rotate' | 'repeat' | 'revoke' | 'expired';

/**
 * A session's token is exchanged once. The last one that was spent is taken for a repetition when it came in time and leads to
 * the token that is good now, which only who knows the first exchange's key brings about; everything else is theft.
 */
export function judge(
  session: Session,
  presented: Presented,
  { rotatedAt, leadsToCurrent, now }: { rotatedAt: Date; leadsToCurrent: boolean; now: Date },
): Verdict {
  if (now >= session.expiresAt) return 'expired';
  if (presented === 'current') return 'rotate';
  const inTime = now.getTime() - rotatedAt.getTime() <= RETRY_MS;
  return presented === 'spent-last' && leadsToCurrent && inTime ? 'repeat' : 'revoke';
}
