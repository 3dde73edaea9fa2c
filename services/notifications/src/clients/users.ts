import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import type { ServiceRuntime } from '@weft/kit/module';
import { RemoteError, status } from '@weft/kit/rpc';
import type { Users } from '../app/ports.ts';

export function usersClient(client: ServiceRuntime<never, never>['client']): Users {
  const users = client('users', UsersServiceService, UsersService);
  return {
    async recipient(userId) {
      try {
        const { user } = await users.getUser({ userId });
        return user && user.deleteTime === undefined ? { email: user.email, fullName: user.fullName } : undefined;
      } catch (error) {
        if (error instanceof RemoteError && error.code === status.NOT_FOUND) return undefined;
        throw error;
      }
    },
  };
}
