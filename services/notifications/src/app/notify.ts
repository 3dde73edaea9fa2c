import { compose, type Kind, type News } from '../domain/letter.ts';
import { newNotification } from '../domain/notification.ts';
import type { Channels, NotificationsTransaction } from './ports.ts';

/** Worth a text message. */
const URGENT: ReadonlySet<Kind> = new Set(['shipment-dispatched']);

export interface Notify {
  readonly channels: Channels;
  /** Has what is due sent now. */
  readonly wake: () => void;
  readonly now: () => Date;
}

/** Notes what a user is to be told of an event: once for each channel, however often it is asked. */
export function notify(
  tx: NotificationsTransaction,
  { channels: { mail, texts }, wake, now }: Notify,
  eventId: string,
  userId: string,
  news: News,
): void {
  const letter = compose(news);
  const at = now();
  tx.insert(newNotification({ eventId, channel: 'email', userId, letter }, mail !== undefined, at));
  const texted = texts !== undefined && URGENT.has(news.kind);
  if (texted) tx.insert(newNotification({ eventId, channel: 'sms', userId, letter }, true, at));
  if (mail || texted) tx.onCommit(wake);
}
