import { Role as RoleMessage } from '@weft/gen/grpc/weft/policy/v1/policy';
import {
  type LoginResponse,
  type SigningKey as SigningKeyMessage,
  SigningKeyState as StateMessage,
  type User as UserMessage,
} from '@weft/gen/grpc/weft/users/v1/users';
import { toTimestamp } from '@weft/kit/time';
import type { SignedIn } from '../app/sessions.ts';
import type { SigningKey, SigningKeyState } from '../domain/signing-key.ts';
import type { Role, User } from '../domain/user.ts';

const ROLES = {
  customer: RoleMessage.ROLE_CUSTOMER,
  support: RoleMessage.ROLE_SUPPORT,
  admin: RoleMessage.ROLE_ADMIN,
} as const;

export const toRole = (role: Role): RoleMessage => ROLES[role];

export function toUser({
  userId,
  email,
  fullName,
  roles,
  version,
  createdAt,
  updatedAt,
  deletedAt,
}: User): UserMessage {
  return {
    userId,
    email,
    fullName,
    roles: roles.map(toRole),
    version,
    createTime: toTimestamp(createdAt),
    updateTime: toTimestamp(updatedAt),
    deleteTime: deletedAt && toTimestamp(deletedAt),
  };
}

export function toTokens({ user, token, refreshToken, session }: SignedIn): LoginResponse {
  return {
    accessToken: token.text,
    expireTime: toTimestamp(token.expiresAt),
    user: toUser(user),
    refreshToken,
    refreshExpireTime: toTimestamp(session.expiresAt),
  };
}

const KEY_STATES = {
  next: StateMessage.SIGNING_KEY_STATE_NEXT,
  current: StateMessage.SIGNING_KEY_STATE_CURRENT,
  previous: StateMessage.SIGNING_KEY_STATE_PREVIOUS,
} as const;

export function toSigningKey({ keyId, createdAt, signsFrom }: SigningKey, state: SigningKeyState): SigningKeyMessage {
  return { keyId, state: KEY_STATES[state], createTime: toTimestamp(createdAt), signTime: toTimestamp(signsFrom) };
}
