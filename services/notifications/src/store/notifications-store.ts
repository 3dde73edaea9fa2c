import { type Database, prepared, type UnitOfWork } from '@weft/kit/store';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { NotificationsStore, NotificationsTransaction } from '../app/ports.ts';
import { type Notification, retryTime } from '../domain/notification.ts';
import type { NotificationsSchema } from './schema.ts';

export function notificationsStore(database: Database<NotificationsSchema>): NotificationsStore {
  const db = database.read;
  return {
    async list({ userId, before, limit }) {
      let query = db
        .selectFrom('notification')
        .selectAll()
        .where('user_id', '=', userId)
        .orderBy('event_id', 'desc')
        .orderBy('channel', 'desc')
        .limit(limit);
      if (before) {
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('event_id', 'channel'), '<', tuple(before.eventId, before.channel as 'email')),
        );
      }
      return (await query.execute()).map(toNotification);
    },
    claim: (now, limit) =>
      database.transaction(async ({ sql: tx }) => {
        const due = await tx
          .selectFrom('notification')
          .selectAll()
          .where('next_attempt_at', '<=', now)
          .orderBy('next_attempt_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .execute();
        if (due.length === 0) return [];
        const claimed = due.map(toNotification).map((one) => {
          return { ...one, attempts: one.attempts + 1, nextAttemptAt: retryTime(one.attempts, now) };
        });
        await sql`UPDATE notification SET attempts = attempts + 1, next_attempt_at = claim.again
          FROM unnest(
            ${claimed.map(({ eventId }) => eventId)}::uuid[], ${claimed.map(({ channel }) => channel)}::text[],
            ${claimed.map(({ nextAttemptAt }) => nextAttemptAt)}::timestamptz[]
          ) AS claim(event_id, channel, again)
          WHERE notification.event_id = claim.event_id AND notification.channel = claim.channel`.execute(tx);
        return claimed;
      }),
    async save({ eventId, channel, status, attempts, nextAttemptAt, sentAt }) {
      await db
        .updateTable('notification')
        .set({ status, next_attempt_at: nextAttemptAt ?? null, sent_at: sentAt ?? null })
        .where('event_id', '=', eventId)
        .where('channel', '=', channel)
        .where('attempts', '=', attempts)
        .execute();
    },
  };
}

export function notificationsTransaction(tx: UnitOfWork<NotificationsSchema>): NotificationsTransaction {
  return {
    insert: (notification) => tx.defer(insert(tx.sql, toRow(notification))),
    onCommit: tx.onCommit,
  };
}

/** What a user was told, and what is still to come. */
export function eraseUser({ sql: db, defer }: UnitOfWork<NotificationsSchema>, userId: string): void {
  defer(db.deleteFrom('notification').where('user_id', '=', userId));
  defer(
    db
      .insertInto('erased_user')
      .values({ user_id: userId })
      .onConflict((conflict) => conflict.doNothing()),
  );
}

type Row = Selectable<NotificationsSchema['notification']>;

const insert = prepared((db: Kysely<NotificationsSchema>, row: Row) => ({
  compile: () =>
    sql`INSERT INTO notification
        (event_id, channel, user_id, status, kind, order_id, subject, text, attempts, next_attempt_at, created_at, sent_at)
      SELECT ${row.event_id}::uuid, ${row.channel}, ${row.user_id}::uuid, ${row.status}, ${row.kind}, ${row.order_id}::uuid,
        ${row.subject}, ${row.text}, ${row.attempts}::int, ${row.next_attempt_at}::timestamptz, ${row.created_at}::timestamptz,
        ${row.sent_at}::timestamptz
      WHERE NOT EXISTS (SELECT FROM erased_user WHERE user_id = ${row.user_id}::uuid)
      ON CONFLICT DO NOTHING`.compile(db),
}));

function toRow(notification: Notification): Row {
  const { letter } = notification;
  return {
    event_id: notification.eventId,
    channel: notification.channel,
    user_id: notification.userId,
    status: notification.status,
    kind: letter.kind,
    order_id: letter.orderId ?? null,
    subject: letter.subject,
    text: letter.text,
    attempts: notification.attempts,
    next_attempt_at: notification.nextAttemptAt ?? null,
    created_at: notification.createdAt,
    sent_at: notification.sentAt ?? null,
  };
}

function toNotification(row: Row): Notification {
  const { kind, subject, text } = row;
  return {
    eventId: row.event_id,
    channel: row.channel,
    userId: row.user_id,
    status: row.status,
    letter: { kind, subject, text, orderId: row.order_id ?? undefined },
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at ?? undefined,
    createdAt: row.created_at,
    sentAt: row.sent_at ?? undefined,
  };
}
