import { idOf, type Notification, type Outcome, settle } from '../domain/notification.ts';
import { type Channels, type NotificationsStore, Refused, type Users } from './ports.ts';

const AT_ONCE = 5;

export interface SendDue {
  readonly store: NotificationsStore;
  readonly users: Users;
  readonly channels: Channels;
  readonly now: () => Date;
  /** Hears of attempts that failed. It is not shown why in full: that may name an address. */
  readonly onFailure: (notification: Notification, error: unknown) => void;
}

/** Sends what is due. An attempt that nobody hears the end of, as when the process ends, is made again with the same id. */
export async function sendDue(app: SendDue): Promise<void> {
  for (let found = AT_ONCE; found === AT_ONCE; ) {
    const due = await app.store.claim(app.now(), AT_ONCE);
    await Promise.all(due.map((notification) => sendOne(app, notification)));
    found = due.length;
  }
}

async function sendOne(app: SendDue, notification: Notification): Promise<void> {
  const outcome = await attempt(app, notification);
  const after = settle(notification, outcome, app.now());
  if (after !== notification) await app.store.save(after);
}

async function attempt({ users, channels, onFailure }: SendDue, notification: Notification): Promise<Outcome> {
  const { channel, userId, letter } = notification;
  const { subject, text } = letter;
  const id = idOf(notification);
  const { mail, texts } = channels;
  // It was made by a process that could send it.
  if (!(channel === 'email' ? mail : texts)) return 'unknown';
  try {
    const recipient = await users.recipient(userId);
    if (!recipient) return 'unaddressed';
    if (channel === 'email') await mail?.send({ ...recipient, id, subject, text });
    else await texts?.send({ id, userId, text });
    return 'sent';
  } catch (error) {
    onFailure(notification, error);
    return error instanceof Refused ? 'refused' : 'unknown';
  }
}
