import { describe, expect, it } from '@jest/globals';
import { toTimestamp } from '@weft/kit/time';
import type { Clients } from '../src/system/clients.ts';
import { signIn } from '../src/system/session.ts';
import { fail, scripted, unauthenticated, unavailable } from './failures.ts';

const patience = { limit: 5000, signal: new AbortController().signal };
const credentials = { email: 'a@shop.example', password: 'a password' };

/** A users service whose tokens are good for so many seconds. */
function usersService(seconds: number, ...failures: Error[]) {
  let logins = 0;
  const users = {
    login: async () => {
      const failure = failures.shift();
      if (failure) throw failure;
      logins += 1;
      const expireTime = toTimestamp(new Date(Date.now() + seconds * 1000));
      return { accessToken: `token-${logins}`, expireTime, user: { userId: 'user-1' } };
    },
  };
  return { users: users as unknown as Clients['users'], logins: () => logins };
}

describe('a session', () => {
  it('signs in once for as long as its token is good', async () => {
    const { users, logins } = usersService(900);
    const session = await signIn(users, credentials, patience);
    await session.call(async (token) => expect(token).toBe('token-1'));
    await session.call(async (token) => expect(token).toBe('token-1'));
    expect([session.userId, logins()]).toEqual(['user-1', 1]);
  });

  it('renews a token before it expires', async () => {
    const { users } = usersService(30);
    const session = await signIn(users, credentials, patience);
    await session.call(async (token) => expect(token).toBe('token-2'));
  });

  it('signs in once for calls that want a new token at the same time', async () => {
    const { users, logins } = usersService(30);
    const session = await signIn(users, credentials, patience);
    await Promise.all([1, 2, 3].map(() => session.call(async (token) => expect(token).toBe('token-2'))));
    expect(logins()).toBe(2);
  });

  it('does a call again with a new token when the old one is refused', async () => {
    const { users } = usersService(900);
    const session = await signIn(users, credentials, patience);
    const work = scripted<string>(fail(unauthenticated()), () => 'done');
    const tokens: string[] = [];
    const answer = session.call(async (token) => {
      tokens.push(token);
      return work.next();
    });
    await expect(answer).resolves.toBe('done');
    expect(tokens).toEqual(['token-1', 'token-2']);
  });

  it('takes a second refusal for an answer', async () => {
    const { users, logins } = usersService(900);
    const session = await signIn(users, credentials, patience);
    await expect(session.call(async () => fail(unauthenticated())())).rejects.toMatchObject({
      reason: 'TOKEN_EXPIRED',
    });
    expect(logins()).toBe(2);
  });

  it('waits for a system that is away', async () => {
    const { users } = usersService(900, unavailable());
    const session = await signIn(users, credentials, patience);
    const work = scripted<string>(fail(unavailable()), () => 'done');
    await expect(session.call(async () => work.next())).resolves.toBe('done');
  });
});
