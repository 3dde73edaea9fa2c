import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { decodePageToken, pageOf, pageSize } from '@weft/kit/paging';
import { type ServiceBinding, serveService } from '@weft/kit/rpc';
import { changePassword } from '../app/change-password.ts';
import { deleteUser } from '../app/delete-user.ts';
import { login } from '../app/login.ts';
import { logout } from '../app/logout.ts';
import type { Passwords, SigningKeys, UserPosition, UsersStore } from '../app/ports.ts';
import { refreshToken } from '../app/refresh-token.ts';
import { register } from '../app/register.ts';
import type { SessionNeeds } from '../app/sessions.ts';
import { updateUser } from '../app/update-user.ts';
import { assertMay } from '../domain/access.ts';
import { UserNotFound } from '../domain/failures.ts';
import { stateOf } from '../domain/signing-key.ts';
import { toSigningKey, toTokens, toUser } from './messages.ts';

export interface UsersApp extends SessionNeeds {
  readonly store: UsersStore;
  readonly passwords: Passwords;
  readonly signingKeys: SigningKeys;
  readonly now: () => Date;
}

export function usersHandlers(app: UsersApp): ServiceBinding {
  const { store, now } = app;
  return serveService(UsersServiceService, UsersService, {
    register: async (customer, { signal }) => ({ user: toUser(await register(app, customer, signal)) }),
    login: async (credentials, { signal }) => toTokens(await login(app, credentials, signal)),
    refreshToken: async ({ refreshToken: token, idempotencyKey }) =>
      toTokens(await refreshToken(app, token, idempotencyKey)),
    logout: async ({ refreshToken: token, allSessions }) => {
      await logout(app, token, allSessions);
      return {};
    },
    changePassword: async ({ userId: wanted, currentPassword, newPassword }, call) => {
      const userId = wanted.toLowerCase();
      // Not for others: it asks for the current password, which nobody else knows.
      if (call.user?.id !== userId) throw new UserNotFound(userId);
      return { user: toUser(await changePassword(app, { userId, currentPassword, newPassword }, call.signal)) };
    },
    listSigningKeys: async () => {
      const keys = await app.signingKeys.all();
      return { signingKeys: keys.map((key) => toSigningKey(key, stateOf(key, keys, now()))) };
    },
    rotateSigningKey: async () => ({ signingKey: toSigningKey(await app.signingKeys.rotate(), 'next') }),
    getUser: async ({ userId: wanted }, call) => {
      const userId = wanted.toLowerCase();
      // Without a user it is a service that the contract admits.
      if (call.user) assertMay(call.user, 'read', userId);
      const user = await store.find(userId);
      if (!user) throw new UserNotFound(userId);
      return { user: toUser(user) };
    },
    updateUser: async ({ userId: wanted, email, fullName, expectedVersion }, call) => {
      const userId = wanted.toLowerCase();
      assertMay(call.user, 'change', userId);
      return { user: toUser(await updateUser(store, userId, { email, fullName }, expectedVersion, now())) };
    },
    deleteUser: async ({ userId: wanted }, call) => {
      const userId = wanted.toLowerCase();
      assertMay(call.user, 'change', userId);
      return { user: toUser(await deleteUser(store, userId, now())) };
    },
    listUsers: async ({ pageSize: requested, pageToken, showDeleted }) => {
      const size = pageSize(requested, 50);
      const found = await store.list({ after: toPosition(pageToken), showDeleted, limit: size + 1 });
      const position = ({ createdAt, userId }: UserPosition) => [String(createdAt.getTime()), userId];
      const { items, nextPageToken } = pageOf(found, { size, position });
      return { users: items.map(toUser), nextPageToken };
    },
  });
}

const POSITION = [/^\d{1,14}$/, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/];

function toPosition(pageToken: string): UserPosition | undefined {
  if (pageToken === '') return undefined;
  const [time, userId] = decodePageToken(pageToken, POSITION) as [string, string];
  return { createdAt: new Date(Number(time)), userId };
}
