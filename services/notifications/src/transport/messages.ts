import {
  NotificationChannel,
  NotificationKind,
  type Notification as NotificationMessage,
  NotificationStatus,
} from '@weft/gen/grpc/weft/notifications/v1/notifications';
import { toTimestamp } from '@weft/kit/time';
import type { Kind } from '../domain/letter.ts';
import { type Channel, idOf, type Notification, type Status } from '../domain/notification.ts';

const KIND = {
  welcome: NotificationKind.NOTIFICATION_KIND_WELCOME,
  'order-placed': NotificationKind.NOTIFICATION_KIND_ORDER_PLACED,
  'order-confirmed': NotificationKind.NOTIFICATION_KIND_ORDER_CONFIRMED,
  'order-rejected': NotificationKind.NOTIFICATION_KIND_ORDER_REJECTED,
  'order-cancelled': NotificationKind.NOTIFICATION_KIND_ORDER_CANCELLED,
  'order-completed': NotificationKind.NOTIFICATION_KIND_ORDER_COMPLETED,
  'shipment-dispatched': NotificationKind.NOTIFICATION_KIND_SHIPMENT_DISPATCHED,
  'payment-refunded': NotificationKind.NOTIFICATION_KIND_PAYMENT_REFUNDED,
} as const satisfies Record<Kind, NotificationKind>;

const CHANNEL = {
  email: NotificationChannel.NOTIFICATION_CHANNEL_EMAIL,
  sms: NotificationChannel.NOTIFICATION_CHANNEL_SMS,
} as const satisfies Record<Channel, NotificationChannel>;

const STATUS = {
  kept: NotificationStatus.NOTIFICATION_STATUS_KEPT,
  pending: NotificationStatus.NOTIFICATION_STATUS_PENDING,
  sent: NotificationStatus.NOTIFICATION_STATUS_SENT,
  failed: NotificationStatus.NOTIFICATION_STATUS_FAILED,
  unaddressed: NotificationStatus.NOTIFICATION_STATUS_UNADDRESSED,
} as const satisfies Record<Status, NotificationStatus>;

export function toNotification(notification: Notification): NotificationMessage {
  const { userId, channel, status, letter, createdAt, sentAt } = notification;
  return {
    notificationId: idOf(notification),
    userId,
    kind: KIND[letter.kind],
    channel: CHANNEL[channel],
    status: STATUS[status],
    subject: letter.subject,
    text: letter.text,
    orderId: letter.orderId ?? '',
    createTime: toTimestamp(createdAt),
    sendTime: sentAt && toTimestamp(sentAt),
  };
}
