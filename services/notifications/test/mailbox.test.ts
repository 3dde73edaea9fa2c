import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  NotificationChannel,
  NotificationKind,
  NotificationStatus,
} from '@weft/gen/grpc/weft/notifications/v1/notifications';
import { type Mailroom, newsOf, openMailroom } from './fixture.ts';

let mailroom: Mailroom;
beforeAll(async () => {
  mailroom = await openMailroom();
});
afterAll(() => mailroom.stop());

const KINDS = [
  ['registered', NotificationKind.NOTIFICATION_KIND_WELCOME, 'Welcome'],
  ['placed', NotificationKind.NOTIFICATION_KIND_ORDER_PLACED, '£12.34'],
  ['confirmed', NotificationKind.NOTIFICATION_KIND_ORDER_CONFIRMED, 'is paid'],
  ['rejected', NotificationKind.NOTIFICATION_KIND_ORDER_REJECTED, 'the payment was declined'],
  ['cancelled', NotificationKind.NOTIFICATION_KIND_ORDER_CANCELLED, 'is cancelled'],
  ['completed', NotificationKind.NOTIFICATION_KIND_ORDER_COMPLETED, 'has left'],
  ['dispatched', NotificationKind.NOTIFICATION_KIND_SHIPMENT_DISPATCHED, 'SIM-1'],
  ['refunded', NotificationKind.NOTIFICATION_KIND_PAYMENT_REFUNDED, '£0.05'],
] as const;

const NOT_YOURS = expect.objectContaining({ code: status.PERMISSION_DENIED, reason: 'NOT_YOURS' });

describe('a mailbox without a mail server', () => {
  it.each(KINDS)('keeps one notification of %s, however often the event comes', async (name, kind, says) => {
    const [userId, orderId] = [mailroom.customer(), randomUUID()];
    const news = newsOf(userId, orderId)[name];
    await mailroom.publish(news);
    await mailroom.publish(news);
    // As if the inbox had forgotten it.
    await mailroom.booted.database('notifications').query('DELETE FROM inbox');
    await mailroom.publish({ ...news, headers: { ...news.headers, again: '1' } });
    const told = await mailroom.told(userId);
    expect(told).toMatchObject([
      {
        notificationId: `${news.id}.email`,
        userId,
        kind,
        channel: NotificationChannel.NOTIFICATION_CHANNEL_EMAIL,
        status: NotificationStatus.NOTIFICATION_STATUS_KEPT,
        orderId: name === 'registered' ? '' : orderId,
        sendTime: undefined,
      },
    ]);
    expect(`${told[0]?.subject}\n${told[0]?.text}`).toContain(says);
  });

  it('has nothing for staff who were hired, or of a refund that names nobody', async () => {
    const userId = mailroom.customer();
    const { hired, refundedOfNobody, placed } = newsOf(userId, randomUUID());
    await mailroom.publish(hired, refundedOfNobody, placed);
    expect((await mailroom.told(userId)).map(({ notificationId }) => notificationId)).toEqual([`${placed.id}.email`]);
  });

  it('asks users nothing, and holds nothing personal but whose it is', async () => {
    const userId = mailroom.customer('secret.name@people.example', 'Secret Name');
    const { placed, dispatched } = newsOf(userId, randomUUID());
    await mailroom.publish(placed, dispatched);
    expect(mailroom.users.asked).toEqual([]);
    const rows = await mailroom.booted.database('notifications').query('SELECT * FROM notification');
    expect(JSON.stringify(rows)).not.toMatch(/secret|tok_/i);
  });

  it('is emptied when the account is erased, and takes nothing more', async () => {
    const [userId, other] = [mailroom.customer(), mailroom.customer()];
    const { placed, deleted, confirmed } = newsOf(userId, randomUUID());
    const theirs = newsOf(other, randomUUID()).placed;
    await mailroom.publish(placed, theirs, deleted, confirmed);
    expect(await mailroom.told(userId)).toEqual([]);
    expect(await mailroom.told(other)).toHaveLength(1);
  });
});

describe('ListNotifications', () => {
  it('gives pages, newest first, each notification once', async () => {
    const userId = mailroom.customer();
    const sent = Array.from({ length: 7 }, () => newsOf(userId, randomUUID()).placed);
    await mailroom.publish(...sent);
    const ids: string[] = [];
    for (let pageToken = ''; ; ) {
      const page = await mailroom.support.listNotifications({ userId, pageSize: 3, pageToken });
      ids.push(...page.notifications.map(({ notificationId }) => notificationId));
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    // Of one millisecond any order is right.
    expect(ids).toEqual(
      sent
        .map(({ id }) => `${id}.email`)
        .sort()
        .reverse(),
    );
  });

  it('shows customers their own, and staff those of whom they name', async () => {
    const userId = mailroom.customer();
    await mailroom.publish(newsOf(userId, randomUUID()).placed);
    const request = { userId: '', pageSize: 0, pageToken: '' };
    const user = async (id: string, role: 'customer' | 'support' | 'admin') =>
      mailroom.as({ user: { id, roles: [role] } });
    const owner = await user(userId, 'customer');
    for (const named of ['', userId, userId.toUpperCase()])
      expect((await owner.listNotifications({ ...request, userId: named })).notifications).toHaveLength(1);
    const stranger = await user(randomUUID(), 'customer');
    expect((await stranger.listNotifications(request)).notifications).toEqual([]);
    await expect(stranger.listNotifications({ ...request, userId })).rejects.toEqual(NOT_YOURS);
    for (const role of ['support', 'admin'] as const) {
      const staff = await user(randomUUID(), role);
      expect((await staff.listNotifications({ ...request, userId })).notifications).toHaveLength(1);
      expect((await staff.listNotifications(request)).notifications).toEqual([]);
    }
    const nobody = await mailroom.as({});
    await expect(nobody.listNotifications(request)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await expect(owner.listNotifications({ ...request, pageToken: 'x' })).rejects.toMatchObject({
      violations: [{ field: 'page_token' }],
    });
    await expect(owner.listNotifications({ ...request, userId: 'x' })).rejects.toMatchObject({
      violations: [{ field: 'user_id' }],
    });
  });
});
