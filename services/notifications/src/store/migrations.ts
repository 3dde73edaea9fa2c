import type { Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-notifications',
    up: `
      CREATE TABLE notification (
        event_id uuid NOT NULL,
        channel text NOT NULL CHECK (channel IN ('email', 'sms')),
        user_id uuid NOT NULL,
        status text NOT NULL CHECK (status IN ('kept', 'pending', 'sent', 'failed', 'unaddressed')),
        kind text NOT NULL,
        order_id uuid,
        subject text NOT NULL,
        text text NOT NULL,
        attempts int NOT NULL,
        next_attempt_at timestamptz,
        created_at timestamptz NOT NULL,
        sent_at timestamptz,
        PRIMARY KEY (event_id, channel),
        CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
        CHECK ((status = 'sent') = (sent_at IS NOT NULL))
      );
      CREATE INDEX notification_by_user ON notification (user_id, event_id DESC, channel DESC);
      CREATE INDEX notification_due ON notification (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
      CREATE TABLE erased_user (user_id uuid PRIMARY KEY);
    `,
  },
];
