import { NotificationsService } from '@weft/gen/es/weft/notifications/v1/notifications_pb';
import { NotificationsServiceService } from '@weft/gen/grpc/weft/notifications/v1/notifications';
import { decodePageToken, pageOf, pageSize, UUID } from '@weft/kit/paging';
import { type ServiceBinding, serveService } from '@weft/kit/rpc';
import type { NotificationsStore, Position } from '../app/ports.ts';
import { readableBy } from '../app/visibility.ts';
import { toNotification } from './messages.ts';

export function notificationsHandlers(store: NotificationsStore): ServiceBinding {
  return serveService(NotificationsServiceService, NotificationsService, {
    listNotifications: async ({ userId, pageSize: requested, pageToken }, { user }) => {
      const size = pageSize(requested, 50);
      const wanted = readableBy(user, userId.toLowerCase());
      const found = await store.list({ userId: wanted, before: toPosition(pageToken), limit: size + 1 });
      const { items, nextPageToken } = pageOf(found, { size, position: ({ eventId, channel }) => [eventId, channel] });
      return { notifications: items.map(toNotification), nextPageToken };
    },
  });
}

function toPosition(pageToken: string): Position | undefined {
  if (pageToken === '') return undefined;
  const [eventId, channel] = decodePageToken(pageToken, [UUID, /^(email|sms)$/]) as [string, string];
  return { eventId, channel };
}
