import { LoginLocked } from './failures.ts';

/** Wrong passwords in a row for an address, whether it has an account or not. */
export interface FailedLogins {
  readonly count: number;
  readonly lastAt: Date;
  readonly lockedUntil: Date | undefined;
}

const FREE_FAILURES = 5;
const FIRST_LOCK_MS = 30_000;
const LONGEST_LOCK_MS = 15 * 60_000;

/** After so long without another one they are forgotten. */
export const FORGET_MS = 3_600_000;

/** Throws LoginLocked while nobody may try. */
export function assertUnlocked(failed: FailedLogins | undefined, now: Date): void {
  const until = failed?.lockedUntil;
  if (until && until > now) throw new LoginLocked(Math.ceil((until.getTime() - now.getTime()) / 1000));
}

/** With one more. The fifth locks for half a minute, each that follows for twice as long, a quarter of an hour at most. */
export function oneMore(failed: FailedLogins | undefined, now: Date): FailedLogins {
  const forgotten = !failed || now.getTime() - failed.lastAt.getTime() > FORGET_MS;
  const count = forgotten ? 1 : failed.count + 1;
  if (count < FREE_FAILURES) return { count, lastAt: now, lockedUntil: undefined };
  const ms = Math.min(FIRST_LOCK_MS * 2 ** Math.min(count - FREE_FAILURES, 10), LONGEST_LOCK_MS);
  return { count, lastAt: now, lockedUntil: new Date(now.getTime() + ms) };
}
