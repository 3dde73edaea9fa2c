import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { type LoginResponse, UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { type Booted, boot } from '@weft/kit/testing';
import { users } from '../src/module.ts';

export const ADMIN = { email: 'boss@shop.example', password: 'the boss is in' };
export const PASSWORD = 'correct horse battery';

export type Users = Awaited<ReturnType<typeof usersClient>>;

const usersClient = (booted: Booted, token?: string) =>
  booted.client(UsersServiceService, UsersService, token === undefined ? {} : { token });

export interface Shop {
  readonly booted: Booted;
  readonly anybody: Users;
  readonly admin: Users;
  as(token: string): Promise<Users>;
  /** Registers a customer and signs in. */
  customer(name: string): Promise<{ userId: string; email: string; token: string; client: Users }>;
  login(email: string, password?: string): Promise<LoginResponse>;
}

export async function openShop(env: Readonly<Record<string, string>> = {}): Promise<Shop> {
  const booted = await boot([users], {
    env: { USERS_ADMIN_EMAIL: ADMIN.email, USERS_ADMIN_PASSWORD: ADMIN.password, ...env },
  });
  const anybody = await usersClient(booted);
  const as = (token: string) => usersClient(booted, token);
  const login = (email: string, password = PASSWORD) => anybody.login({ email, password });
  return {
    booted,
    anybody,
    admin: await as((await login(ADMIN.email, ADMIN.password)).accessToken),
    as,
    login,
    async customer(name) {
      const email = `${name}@people.example`;
      const { user } = await anybody.register({ email, fullName: `Name of ${name}`, password: PASSWORD });
      const { accessToken: token } = await login(email);
      return { userId: user?.userId ?? '', email, token, client: await as(token) };
    },
  };
}
