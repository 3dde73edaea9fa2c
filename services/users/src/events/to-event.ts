import * as schema from '@weft/gen/es/weft/users/v1/events_pb';
import { UserDeleted, UserRegistered, UserUpdated } from '@weft/gen/grpc/weft/users/v1/events';
import { defineEvent, eventsOf } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { UserEvent } from '../app/ports.ts';
import { toRole } from '../transport/messages.ts';

export const published = eventsOf(schema.file_weft_users_v1_events);

const registered = defineEvent(UserRegistered, schema.UserRegisteredSchema);
const updated = defineEvent(UserUpdated, schema.UserUpdatedSchema);
const deleted = defineEvent(UserDeleted, schema.UserDeletedSchema);

const FIELD = { email: 'email', fullName: 'full_name', password: 'password', roles: 'roles' } as const;

/** The contract's event for what happened. Holds nothing personal. */
export function toEvent(event: UserEvent): OutgoingEvent {
  const { userId, version, updatedAt, roles } = event.user;
  const head = { userId, version, occurTime: toTimestamp(updatedAt) };
  switch (event.type) {
    case 'registered':
      return registered.create({ ...head, roles: roles.map(toRole) });
    case 'updated':
      return updated.create({ ...head, changedFields: event.fields.map((field) => FIELD[field]) });
    case 'deleted':
      return deleted.create(head);
  }
}
