import type { Notification } from '../domain/notification.ts';

/** One transaction of notifications. */
export interface NotificationsTransaction {
  /** With the commit. One of the same event and channel stays as it is; a user whose account is erased gets none. */
  insert(notification: Notification): void;
  onCommit(callback: () => void): void;
}

/** Where a notification stands in its user's list. */
export interface Position {
  readonly eventId: string;
  readonly channel: string;
}

export interface NotificationFilter {
  readonly userId: string;
  /** Only notifications before this one, newest first. */
  readonly before: Position | undefined;
  readonly limit: number;
}

export interface NotificationsStore {
  list(filter: NotificationFilter): Promise<Notification[]>;
  /** Takes up to `limit` that are due, and counts the attempt: nobody else takes them before their time has come again. */
  claim(now: Date, limit: number): Promise<Notification[]>;
  /** Saves how an attempt ended, unless another one has begun since. */
  save(notification: Notification): Promise<void>;
}

export interface Recipient {
  readonly email: string;
  readonly fullName: string;
}

export interface Users {
  /** Undefined once the account is erased. */
  recipient(userId: string): Promise<Recipient | undefined>;
}

/** The channel said no, and would say it again. Everything else that a channel throws leaves the outcome open. */
export class Refused extends Error {}

/** Sends e-mail, at least once: what is sent twice has the same id. Throws Refused. */
export interface Mail {
  send(mail: Recipient & { readonly id: string; readonly subject: string; readonly text: string }): Promise<void>;
}

/** Sends text messages, once for an id, to users whose numbers it knows. Throws Refused. */
export interface TextMessages {
  send(message: { readonly id: string; readonly userId: string; readonly text: string }): Promise<void>;
}

/** Who sends; a channel without is not used, or kept in the mailbox. */
export interface Channels {
  readonly mail: Mail | undefined;
  readonly texts: TextMessages | undefined;
}
