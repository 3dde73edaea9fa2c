import type { Kind } from '../domain/letter.ts';
import type { Channel, Status } from '../domain/notification.ts';

export interface NotificationsSchema {
  notification: {
    event_id: string;
    channel: Channel;
    user_id: string;
    status: Status;
    kind: Kind;
    order_id: string | null;
    subject: string;
    text: string;
    attempts: number;
    next_attempt_at: Date | null;
    created_at: Date;
    sent_at: Date | null;
  };
  erased_user: { user_id: string };
}
