import * as schema from '@weft/gen/es/weft/users/v1/events_pb';
import {
  SessionEndReason,
  SessionOpened,
  SessionRevoked,
  SigningKeyRotated,
  UserDeleted,
  UserLockedOut,
  UserRegistered,
  UserUpdated,
} from '@weft/gen/grpc/weft/users/v1/events';
import { defineEvent, eventsOf } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { UserEvent } from '../app/ports.ts';
import type { User } from '../domain/user.ts';
import { toRole } from '../transport/messages.ts';

export const published = eventsOf(schema.file_weft_users_v1_events);

const registered = defineEvent(UserRegistered, schema.UserRegisteredSchema);
const updated = defineEvent(UserUpdated, schema.UserUpdatedSchema);
const deleted = defineEvent(UserDeleted, schema.UserDeletedSchema);
const lockedOut = defineEvent(UserLockedOut, schema.UserLockedOutSchema);
const sessionOpened = defineEvent(SessionOpened, schema.SessionOpenedSchema);
const sessionRevoked = defineEvent(SessionRevoked, schema.SessionRevokedSchema);
const signingKeyRotated = defineEvent(SigningKeyRotated, schema.SigningKeyRotatedSchema);

const END_REASONS = {
  'logged-out': SessionEndReason.SESSION_END_REASON_LOGGED_OUT,
  'token-reused': SessionEndReason.SESSION_END_REASON_TOKEN_REUSED,
  'password-changed': SessionEndReason.SESSION_END_REASON_PASSWORD_CHANGED,
  'user-deleted': SessionEndReason.SESSION_END_REASON_USER_DELETED,
  'too-many': SessionEndReason.SESSION_END_REASON_TOO_MANY,
} as const;

const FIELD = { email: 'email', fullName: 'full_name', password: 'password', roles: 'roles' } as const;

/** The contract's event for what happened. Holds nothing personal. */
export function toEvent(event: UserEvent): OutgoingEvent {
  switch (event.type) {
    case 'registered':
      return registered.create({ ...headOf(event.user), roles: event.user.roles.map(toRole) });
    case 'updated':
      return updated.create({ ...headOf(event.user), changedFields: event.fields.map((field) => FIELD[field]) });
    case 'deleted':
      return deleted.create(headOf(event.user));
    case 'locked-out': {
      const { count, lastAt, lockedUntil } = event.failed;
      const unlockTime = lockedUntil && toTimestamp(lockedUntil);
      return lockedOut.create({
        ...headOf(event.user),
        occurTime: toTimestamp(lastAt),
        unlockTime,
        failedAttempts: count,
      });
    }
    case 'session-opened': {
      const { sessionId, userId, openedAt, expiresAt } = event.session;
      const times = { occurTime: toTimestamp(openedAt), expireTime: toTimestamp(expiresAt) };
      return sessionOpened.create({ sessionId, userId, version: 1n, ...times });
    }
    case 'session-revoked': {
      const { session, reason, endedAt } = event.ended;
      const { sessionId, userId } = session;
      const head = { sessionId, userId, version: 2n, occurTime: toTimestamp(endedAt) };
      return sessionRevoked.create({ ...head, reason: END_REASONS[reason] });
    }
    case 'signing-key-rotated': {
      const { keyId, createdAt, signsFrom } = event.key;
      const times = { occurTime: toTimestamp(createdAt), signTime: toTimestamp(signsFrom) };
      return signingKeyRotated.create({ keyId, version: 1n, ...times });
    }
  }
}

function headOf({ userId, version, updatedAt }: User) {
  return { userId, version, occurTime: toTimestamp(updatedAt) };
}
