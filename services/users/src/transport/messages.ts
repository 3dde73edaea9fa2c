import { Role as RoleMessage } from '@weft/gen/grpc/weft/policy/v1/policy';
import type { User as UserMessage } from '@weft/gen/grpc/weft/users/v1/users';
import { toTimestamp } from '@weft/kit/time';
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
