import type { Letter } from './letter.ts';

export type Channel = 'email' | 'sms';
export type Status = 'kept' | 'pending' | 'sent' | 'failed' | 'unaddressed';

/** One thing that one user is told by one channel. */
export interface Notification {
  /** UUID of the event that it tells of. */
  readonly eventId: string;
  readonly channel: Channel;
  readonly userId: string;
  readonly status: Status;
  readonly letter: Letter;
  /** How often it was taken to be sent. */
  readonly attempts: number;
  /** When it is sent, or sent again; undefined once it has ended. */
  readonly nextAttemptAt: Date | undefined;
  readonly createdAt: Date;
  readonly sentAt: Date | undefined;
}

/** What names a notification everywhere, also to who receives it twice. */
export const idOf = ({ eventId, channel }: Pick<Notification, 'eventId' | 'channel'>): string =>
  `${eventId}.${channel}`;

const MAX_ATTEMPTS = 12;
const LONGEST_WAIT_MS = 6 * 3_600_000;

/** Without somebody to send it the letter is kept. */
export function newNotification(
  { eventId, channel, userId, letter }: Pick<Notification, 'eventId' | 'channel' | 'userId' | 'letter'>,
  sendable: boolean,
  now: Date,
): Notification {
  const status = sendable ? 'pending' : 'kept';
  const nextAttemptAt = sendable ? now : undefined;
  return { eventId, channel, userId, letter, status, nextAttemptAt, attempts: 0, createdAt: now, sentAt: undefined };
}

/** When somebody else may take it, should nobody hear what became of this attempt: doubling from a minute to six hours. */
export function retryTime(attempts: number, now: Date): Date {
  return new Date(now.getTime() + Math.min(LONGEST_WAIT_MS, 60_000 * 2 ** Math.min(attempts, 20)));
}

/** How an attempt ended: `refused` for good, or `unknown`, which another one may settle. */
export type Outcome = 'sent' | 'refused' | 'unknown' | 'unaddressed';

/** The notification after an attempt; the same object when it is to be sent again. */
export function settle(notification: Notification, outcome: Outcome, now: Date): Notification {
  if (outcome === 'sent') return { ...notification, status: 'sent', nextAttemptAt: undefined, sentAt: now };
  if (outcome === 'unaddressed') return { ...notification, status: 'unaddressed', nextAttemptAt: undefined };
  const givenUp = outcome === 'refused' || notification.attempts >= MAX_ATTEMPTS;
  return givenUp ? { ...notification, status: 'failed', nextAttemptAt: undefined } : notification;
}
