import { RefreshTokenInvalid } from '../domain/failures.ts';
import { judge } from '../domain/session.ts';
import type { RefreshTokens, Tokens, UsersStore } from './ports.ts';
import { endSession, type SignedIn } from './sessions.ts';

interface Needs {
  readonly store: UsersStore;
  readonly tokens: Tokens;
  readonly refreshTokens: RefreshTokens;
  readonly now: () => Date;
  readonly newId: () => string;
}

/** Exchanges a refresh token for the session's next ones; ends the session of one that was spent before. */
export async function refreshToken(
  { store, tokens, refreshTokens, now, newId }: Needs,
  text: string,
  idempotencyKey: string,
): Promise<SignedIn> {
  const presented = refreshTokens.parse(text);
  if (!presented) throw new RefreshTokenInvalid();
  const { handleHash, secretHash, next } = presented;
  const done = await store.transaction(async (tx) => {
    const stored = await tx.sessionOf(handleHash);
    if (!stored) return undefined;
    const { session, secrets } = stored;
    const time = now();
    const repeated = secrets.salt && next(idempotencyKey, secrets.salt);
    const leadsToCurrent = repeated !== undefined && refreshTokens.same(repeated.secretHash, secrets.current);
    const { rotatedAt } = secrets;
    const verdict = judge(session, kindOf(refreshTokens, secretHash, secrets), {
      rotatedAt,
      leadsToCurrent,
      now: time,
    });
    if (verdict === 'expired') return undefined;
    const account = await tx.readAccount(session.userId);
    if (verdict === 'revoke' || !account || account.user.deletedAt) {
      const reason = verdict === 'revoke' ? 'token-reused' : 'user-deleted';
      await endSession(tx, { session, reason, endedAt: time });
      return undefined;
    }
    const { user } = account;
    if (verdict === 'repeat' && repeated) return { user, session, refreshToken: repeated.text };
    const salt = refreshTokens.newSalt();
    const following = next(idempotencyKey, salt);
    const rotated = { current: following.secretHash, spent: secretHash, rotatedAt: time, salt };
    await tx.rotateSession(session.sessionId, rotated);
    return { user, session, refreshToken: following.text };
  });
  if (!done) throw new RefreshTokenInvalid();
  return { ...done, token: await tokens.issue(done.user, newId(), now()) };
}

function kindOf(
  { same }: RefreshTokens,
  hash: Uint8Array,
  { current, spent }: { current: Uint8Array; spent: Uint8Array | undefined },
) {
  if (same(hash, current)) return 'current';
  return spent && same(hash, spent) ? 'spent-last' : 'spent';
}
