import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Role } from '@weft/gen/grpc/weft/policy/v1/policy';
import type { User } from '@weft/gen/grpc/weft/users/v1/users';
import { refusal } from '@weft/kit/testing';
import { openShop, PASSWORD, type Shop } from './fixture.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop.booted.stop());

const reasons = (results: PromiseSettledResult<unknown>[]) =>
  results.map((result) => (result.status === 'fulfilled' ? 'OK' : result.reason.reason)).sort();

const accountsOf = async (email: string) => {
  const rows = await shop.booted.database('users').query('SELECT FROM account WHERE lower(email) = $1', [email]);
  return rows.length;
};

describe('registration', () => {
  it('opens a customer’s account', async () => {
    const person = { email: 'Grace.Hopper@people.example', fullName: 'Grace Hopper 🚢' };
    const { user } = await shop.anybody.register({ ...person, password: PASSWORD });
    expect(user).toMatchObject({ ...person, roles: [Role.ROLE_CUSTOMER], version: 1n, deleteTime: undefined });
    expect(user?.createTime).toEqual(user?.updateTime);
    const signedIn = await shop.login('grace.hopper@PEOPLE.example');
    expect(signedIn.user).toEqual(user);
  });

  it('of an address that has an account is refused, whatever its case', async () => {
    await shop.customer('taken');
    const again = { email: 'TAKEN@people.example', fullName: 'Somebody else', password: PASSWORD };
    await expect(shop.anybody.register(again)).rejects.toMatchObject({ reason: 'EMAIL_TAKEN' });
  });

  it('by several at once gives one account', async () => {
    const emails = ['one@people.example', 'ONE@people.example', 'One@People.example', 'one@people.EXAMPLE'];
    const calls = emails.map((email) => shop.anybody.register({ email, fullName: 'One', password: PASSWORD }));
    expect(reasons(await Promise.allSettled(calls))).toEqual(['EMAIL_TAKEN', 'EMAIL_TAKEN', 'EMAIL_TAKEN', 'OK']);
    expect(await accountsOf('one@people.example')).toBe(1);
  });
});

describe('signing in', () => {
  it('fails alike for an unknown address, a wrong password and a deleted account', async () => {
    await shop.customer('known');
    const gone = await shop.customer('gone');
    await gone.client.deleteUser({ userId: gone.userId });
    const failures = await Promise.all([
      refusal(shop.login('known@people.example', 'not the password')),
      refusal(shop.login('nobody@people.example')),
      refusal(shop.login('gone@people.example')),
    ]);
    const seen = failures.map(({ code, reason, message, metadata }) => ({ code, reason, message, metadata }));
    expect(seen).toEqual(Array(3).fill(expect.objectContaining({ reason: 'BAD_CREDENTIALS', metadata: {} })));
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
  });
});

describe('an account', () => {
  it('is a customer’s own; support reads all, administrators do everything', async () => {
    const [ada, eve, helper] = [await shop.customer('ada'), await shop.customer('eve'), await shop.customer('helper')];
    const { userId } = ada;
    await shop.booted
      .database('users')
      .query("UPDATE account SET roles = '{support}' WHERE user_id = $1", [helper.userId]);
    const support = await shop.as((await shop.login(helper.email)).accessToken);

    const { user } = await ada.client.getUser({ userId });
    expect(user?.email).toBe(ada.email);
    expect(await ada.client.getUser({ userId: userId.toUpperCase() })).toMatchObject({ user });
    expect(await support.getUser({ userId })).toMatchObject({ user });
    expect(await shop.admin.getUser({ userId })).toMatchObject({ user });

    const unknown = await refusal(eve.client.getUser({ userId: randomUUID() }));
    const others = await refusal(eve.client.getUser({ userId }));
    expect([others.reason, others.message]).toEqual([unknown.reason, unknown.message]);
    expect(others.reason).toBe('USER_NOT_FOUND');
    const update = { userId, fullName: 'Eve was here', expectedVersion: 0n };
    await expect(eve.client.updateUser(update)).rejects.toMatchObject({ reason: 'USER_NOT_FOUND' });
    await expect(eve.client.deleteUser({ userId })).rejects.toMatchObject({ reason: 'USER_NOT_FOUND' });
    await expect(support.updateUser(update)).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
    await expect(support.deleteUser({ userId })).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
    await expect(shop.anybody.getUser({ userId })).rejects.toMatchObject({ reason: 'TOKEN_REQUIRED' });
    await expect(shop.admin.getUser({ userId: randomUUID() })).rejects.toMatchObject({ reason: 'USER_NOT_FOUND' });

    const renamed = await shop.admin.updateUser({ ...update, fullName: 'Ada L.' });
    expect(renamed.user).toMatchObject({ fullName: 'Ada L.', version: 2n });
  });

  it('changes at the expected version only', async () => {
    const { userId, client } = await shop.customer('versioned');
    const first = await client.updateUser({ userId, fullName: 'First', expectedVersion: 1n });
    expect(first.user?.version).toBe(2n);
    const late = await refusal(client.updateUser({ userId, fullName: 'Second', expectedVersion: 1n }));
    expect(late).toMatchObject({ reason: 'VERSION_MISMATCH', metadata: { version: '2' } });
    expect(await client.updateUser({ userId, fullName: 'First', expectedVersion: 1n })).toEqual(first);
    expect(await client.updateUser({ userId, expectedVersion: 2n })).toEqual(first);
    expect((await client.updateUser({ userId, fullName: 'Third', expectedVersion: 0n })).user?.version).toBe(3n);
  });

  it('takes a new address only while it is free, also when two want it at once', async () => {
    const [one, two] = [await shop.customer('mover-1'), await shop.customer('mover-2')];
    const wanted = 'Wanted@people.example';
    const taken = await refusal(one.client.updateUser({ userId: one.userId, email: two.email, expectedVersion: 0n }));
    expect(taken.reason).toBe('EMAIL_TAKEN');
    const moves = [one, two].map(({ client, userId }) =>
      client.updateUser({ userId, email: wanted, expectedVersion: 0n }),
    );
    const register = shop.anybody.register({ email: wanted.toUpperCase(), fullName: 'Third', password: PASSWORD });
    expect(reasons(await Promise.allSettled([...moves, register]))).toEqual(['EMAIL_TAKEN', 'EMAIL_TAKEN', 'OK']);
    expect(await accountsOf('wanted@people.example')).toBe(1);
  });

  it('may change the case of its own address', async () => {
    const { userId, client } = await shop.customer('shout');
    const { user } = await client.updateUser({ userId, email: 'SHOUT@people.example', expectedVersion: 1n });
    expect(user?.email).toBe('SHOUT@people.example');
  });
});

describe('a deleted account', () => {
  it('keeps its id and times, and its address is free again', async () => {
    const { userId, client, email } = await shop.customer('leaver');
    const before = (await client.getUser({ userId })).user as User;
    const { user } = await client.deleteUser({ userId });
    const { createTime, roles } = before;
    expect(user).toMatchObject({ userId, email: '', fullName: '', roles, version: 2n, createTime });
    expect(user?.deleteTime).toBeDefined();
    expect(await client.deleteUser({ userId })).toMatchObject({ user });
    expect(await shop.admin.getUser({ userId })).toMatchObject({ user });
    const update = { userId, fullName: 'Back', expectedVersion: 0n };
    await expect(shop.admin.updateUser(update)).rejects.toMatchObject({ reason: 'USER_DELETED' });

    const again = await shop.customer('leaver');
    expect(again.email).toBe(email);
    expect(again.userId).not.toBe(userId);
  });
});

describe('the list of accounts', () => {
  it('has everybody once, oldest first, whatever the size of its pages', async () => {
    const people = [];
    for (let count = 0; count < 5; count++) people.push(await shop.customer(`listed-${count}`));
    await shop.admin.deleteUser({ userId: people[2]?.userId ?? '' });
    const walk = async (pageSize: number, showDeleted: boolean) => {
      const seen: User[] = [];
      for (let pageToken: string | undefined; pageToken !== ''; ) {
        const page = await shop.admin.listUsers({ pageSize, pageToken: pageToken ?? '', showDeleted });
        expect(page.users.length).toBeLessThanOrEqual(pageSize || 50);
        seen.push(...page.users);
        pageToken = page.nextPageToken;
      }
      return seen;
    };
    const all = await walk(0, true);
    expect(all.filter(({ deleteTime }) => deleteTime).length).toBeGreaterThan(0);
    expect(all.slice(-5).map(({ userId }) => userId)).toEqual(people.map(({ userId }) => userId));
    for (const size of [1, 2, 1000]) expect(await walk(size, true)).toEqual(all);
    expect(await walk(3, false)).toEqual(all.filter(({ deleteTime }) => !deleteTime));
  });

  it('refuses a page token that it did not give', async () => {
    for (const pageToken of ['nonsense', Buffer.from('["1","\'; DROP TABLE account"]').toString('base64url')]) {
      const refused = await refusal(shop.admin.listUsers({ pageSize: 0, pageToken, showDeleted: false }));
      expect(refused.reason).toBe('INVALID_ARGUMENT');
      expect(refused.violations).toMatchObject([{ field: 'page_token', rule: 'PAGE_TOKEN' }]);
    }
  });

  it('is for staff', async () => {
    const { client } = await shop.customer('curious');
    const list = client.listUsers({ pageSize: 0, pageToken: '', showDeleted: false });
    await expect(list).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
  });
});
