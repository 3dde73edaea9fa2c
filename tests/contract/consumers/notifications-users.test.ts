import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { status } from '@weft/kit/rpc';
import { usersClient } from '@weft/notifications/clients/users';
import { users } from '@weft/users/module';
import { openPair, type Pair, refusal } from './pair.ts';

let pair: Pair;
let recipients: ReturnType<typeof usersClient>;
beforeAll(async () => {
  pair = await openPair(users, 'notifications');
  recipients = usersClient(pair.client);
});
afterAll(() => pair.stop());

async function registered() {
  const anybody = await pair.booted.client(UsersServiceService, UsersService);
  const person = { email: `${randomUUID()}@people.example`, fullName: 'Ford Prefect' };
  const password = 'correct horse';
  const { user } = await anybody.register({ ...person, password });
  const { accessToken } = await anybody.login({ email: person.email, password });
  const owner = await pair.booted.client(UsersServiceService, UsersService, { token: accessToken });
  return { userId: user?.userId ?? '', person, owner };
}

describe('what notifications expects of users', () => {
  it('is the address and the name of whoever has an account', async () => {
    const { userId, person } = await registered();
    expect(await recipients.recipient(userId)).toEqual(person);
    expect(pair.sent()).toEqual([{ method: 'getUser', request: { userId } }]);
  });

  it('is nobody once the account is erased, and where there never was one', async () => {
    const { userId, owner } = await registered();
    await owner.deleteUser({ userId });
    expect(await recipients.recipient(userId)).toBeUndefined();
    expect(await recipients.recipient(randomUUID())).toBeUndefined();
  });

  it('is not for other services', async () => {
    const { userId } = await registered();
    const stranger = await pair.booted.client(UsersServiceService, UsersService, { caller: 'orders' });
    await expect(stranger.getUser({ userId })).rejects.toEqual(refusal(status.UNAUTHENTICATED, 'TOKEN_REQUIRED'));
  });
});
