import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionEndReason, SessionOpened, SessionRevoked } from '@weft/gen/grpc/weft/users/v1/events';
import type { LoginResponse, RefreshTokenResponse } from '@weft/gen/grpc/weft/users/v1/users';
import { refusal } from '@weft/kit/testing';
import { fromTimestamp } from '@weft/kit/time';
import { openShop, PASSWORD, type Shop } from './fixture.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop.booted.stop());

const refresh = (refreshToken: string, idempotencyKey: string = randomUUID()) =>
  shop.anybody.refreshToken({ refreshToken, idempotencyKey });

const REFUSED = { reason: 'REFRESH_TOKEN_INVALID', code: 16, metadata: {} };
const assertRefused = async (refreshToken: string, key?: string) =>
  expect(await refusal(refresh(refreshToken, key))).toMatchObject(REFUSED);

async function session(name: string): Promise<LoginResponse & { userId: string }> {
  const { userId, email } = await shop.customer(name);
  return { ...(await shop.login(email)), userId };
}

async function ended(userId: string): Promise<SessionEndReason[]> {
  await shop.booted.settle(10_000);
  const sent = await shop.booted.bus.query<{ payload: Buffer }>(
    `SELECT payload FROM bus.message WHERE type = 'weft.users.v1.session_revoked' ORDER BY seq`,
  );
  return sent
    .map(({ payload }) => SessionRevoked.decode(payload))
    .filter((event) => event.userId === userId)
    .map(({ reason }) => reason);
}

const isWorking = async ({ refreshToken }: LoginResponse | RefreshTokenResponse) => {
  const { accessToken, user } = await refresh(refreshToken);
  const client = await shop.as(accessToken);
  return (await client.getUser({ userId: user?.userId ?? '' })).user?.userId === user?.userId;
};

describe('a refresh token', () => {
  it('is exchanged for new tokens, again and again, until the session ends', async () => {
    const first = await session('returning');
    const lifetime = fromTimestamp(first.refreshExpireTime as never).getTime() - Date.now();
    expect(lifetime).toBeGreaterThan(29.9 * 86_400_000);
    const seen = new Set([first.refreshToken]);
    let token = first.refreshToken;
    for (let turn = 0; turn < 3; turn++) {
      const next = await refresh(token);
      expect(next.user).toEqual(first.user);
      expect(next.refreshExpireTime).toEqual(first.refreshExpireTime);
      const client = await shop.as(next.accessToken);
      expect((await client.getUser({ userId: first.userId })).user).toEqual(first.user);
      token = next.refreshToken;
      seen.add(token);
    }
    expect(seen.size).toBe(4);
  });

  it('sent twice is theft: the whole session ends, and the thief’s or the owner’s next token with it', async () => {
    const stolen = await session('robbed');
    const other = await shop.login('robbed@people.example');
    const owners = await refresh(stolen.refreshToken);
    await assertRefused(stolen.refreshToken);
    await assertRefused(owners.refreshToken);
    expect(await isWorking(other)).toBe(true);
    expect(await ended(stolen.userId)).toEqual([SessionEndReason.SESSION_END_REASON_TOKEN_REUSED]);
  });

  it('of long ago ends the session as well', async () => {
    const { refreshToken } = await session('patient-thief');
    let last = refreshToken;
    for (let turn = 0; turn < 3; turn++) last = (await refresh(last)).refreshToken;
    await assertRefused(refreshToken);
    await assertRefused(last);
  });

  it('sent again with the same key, because the answer was lost, gives the same next one', async () => {
    const { refreshToken } = await session('lost-answer');
    const key = randomUUID();
    const [one, two] = [await refresh(refreshToken, key), await refresh(refreshToken, key)];
    expect(two.refreshToken).toBe(one.refreshToken);
    expect(await isWorking(one)).toBe(true);
    // Its successor is spent: from here on it is theft.
    await assertRefused(refreshToken, key);
  });

  it('is not repeated with its key after a minute', async () => {
    const { refreshToken, userId } = await session('slow-repeat');
    const key = randomUUID();
    const next = await refresh(refreshToken, key);
    await shop.booted
      .database('users')
      .query(`UPDATE session SET rotated_at = rotated_at - interval '61 seconds' WHERE user_id = $1`, [userId]);
    await assertRefused(refreshToken, key);
    await assertRefused(next.refreshToken);
  });

  it('sent several times at once with one key is exchanged once', async () => {
    const { refreshToken } = await session('eager');
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(refreshToken, key)));
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
    expect(await isWorking(answers[0] as RefreshTokenResponse)).toBe(true);
  });

  it('sent at once with two keys, as by a thief, gives tokens once at most and ends the session', async () => {
    const { refreshToken } = await session('race');
    const results = await Promise.allSettled([refresh(refreshToken), refresh(refreshToken)]);
    const given = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(given).toHaveLength(1);
    await assertRefused(given[0]?.refreshToken ?? '');
  });

  it('has the roles that the person has now', async () => {
    const { refreshToken, userId } = await session('promoted');
    await shop.booted.database('users').query(`UPDATE account SET roles = '{support}' WHERE user_id = $1`, [userId]);
    const { accessToken } = await refresh(refreshToken);
    const page = await (await shop.as(accessToken)).listUsers({ pageSize: 1, pageToken: '', showDeleted: false });
    expect(page.users).toHaveLength(1);
  });

  it.each([
    ['of nobody', `wrt_${'A'.repeat(64)}`],
    ['that is none', 'eyJhbGciOiJub25lIn0.e30.'],
    ['with another secret', undefined],
  ])('%s is refused', async (_, made) => {
    const { refreshToken } = await session(`refused-${randomUUID()}`);
    await assertRefused(made ?? `${refreshToken.slice(0, 40)}${'A'.repeat(28)}`);
  });

  it('that expired is refused, and the session with it', async () => {
    const { refreshToken, userId } = await session('expired');
    await shop.booted
      .database('users')
      .query(`UPDATE session SET expires_at = now() - interval '1 second' WHERE user_id = $1`, [userId]);
    await assertRefused(refreshToken);
  });

  it('needs a key that nobody guesses', async () => {
    const { refreshToken } = await session('careless');
    const refused = await refusal(refresh(refreshToken, '1'));
    expect(refused.violations).toMatchObject([{ field: 'idempotency_key', rule: 'STRING_MIN_LEN' }]);
    expect(await isWorking(await shop.login('careless@people.example'))).toBe(true);
  });

  it('is kept as a hash only, and is in no log and no event', async () => {
    const { refreshToken } = await session('hashed');
    const key = randomUUID();
    const next = await refresh(refreshToken, key);
    await shop.booted.settle(10_000);
    const secrets = [refreshToken, next.refreshToken, key].flatMap((text) => {
      const bytes = Buffer.from(text.slice(4), 'base64url');
      return [text, bytes.subarray(0, 16).toString('hex'), bytes.subarray(16).toString('hex')];
    });
    const rows = await shop.booted.database('users').query('SELECT session::text AS text FROM session');
    const messages = await shop.booted.bus.query('SELECT message::text AS text FROM bus.message');
    const held = JSON.stringify([rows, messages, shop.booted.logs]);
    for (const secret of secrets) expect(held).not.toContain(secret);
  });
});

describe('signing out', () => {
  it('ends the session, repeatedly, and no other', async () => {
    const here = await session('leaving');
    const there = await shop.login('leaving@people.example');
    const next = await refresh(here.refreshToken);
    for (const refreshToken of [here.refreshToken, next.refreshToken, 'nonsense']) {
      await shop.anybody.logout({ refreshToken, allSessions: false });
    }
    await assertRefused(next.refreshToken);
    expect(await isWorking(there)).toBe(true);
    expect(await ended(here.userId)).toEqual([SessionEndReason.SESSION_END_REASON_LOGGED_OUT]);
  });

  it('everywhere ends them all', async () => {
    const here = await session('everywhere');
    const there = await shop.login('everywhere@people.example');
    await shop.anybody.logout({ refreshToken: here.refreshToken, allSessions: true });
    await assertRefused(here.refreshToken);
    await assertRefused(there.refreshToken);
  });
});

describe('a person', () => {
  it('has ten sessions at most: the oldest make room', async () => {
    const { email, userId } = await shop.customer('many-devices');
    const sessions = [];
    for (let count = 0; count < 11; count++) sessions.push(await shop.login(email));
    const rows = await shop.booted.database('users').query('SELECT FROM session WHERE user_id = $1', [userId]);
    expect(rows).toHaveLength(10);
    await assertRefused(sessions[0]?.refreshToken ?? '');
    expect(await isWorking(sessions[1] as LoginResponse)).toBe(true);
    expect(await ended(userId)).toEqual(Array(2).fill(SessionEndReason.SESSION_END_REASON_TOO_MANY));
  });

  it('who changes the password ends all sessions and signs in with the new one', async () => {
    const before = await session('changing');
    const { userId, refreshToken } = before;
    const client = await shop.as(before.accessToken);
    const wrong = { userId, currentPassword: 'not the password', newPassword: 'a new password' };
    expect(await refusal(client.changePassword(wrong))).toMatchObject({ reason: 'BAD_CREDENTIALS' });
    expect(await isWorking(await shop.login('changing@people.example'))).toBe(true);
    const { user } = await client.changePassword({ ...wrong, currentPassword: PASSWORD });
    expect(user?.version).toBe(2n);
    await assertRefused(refreshToken);
    expect(await refusal(shop.login('changing@people.example'))).toMatchObject({ reason: 'BAD_CREDENTIALS' });
    expect((await shop.login('changing@people.example', 'a new password')).user?.userId).toBe(userId);
    const eve = await shop.customer('changer');
    const others = { userId, currentPassword: 'a new password', newPassword: PASSWORD };
    expect(await refusal(eve.client.changePassword(others))).toMatchObject({ reason: 'USER_NOT_FOUND' });
    expect(await refusal(shop.admin.changePassword(others))).toMatchObject({ reason: 'USER_NOT_FOUND' });
  });

  it('who is deleted has no session left', async () => {
    const { refreshToken, userId, accessToken } = await session('erased');
    await (await shop.as(accessToken)).deleteUser({ userId });
    await assertRefused(refreshToken);
    expect(await ended(userId)).toEqual(Array(2).fill(SessionEndReason.SESSION_END_REASON_USER_DELETED));
    const rows = await shop.booted.database('users').query('SELECT FROM session WHERE user_id = $1', [userId]);
    expect(rows).toEqual([]);
  });

  it('who signs in is told of, without what proves it', async () => {
    const { userId } = await session('told');
    await shop.booted.settle(10_000);
    const sent = await shop.booted.bus.query<{ payload: Buffer }>(
      `SELECT payload FROM bus.message WHERE type = 'weft.users.v1.session_opened' ORDER BY seq`,
    );
    const opened = sent.map(({ payload }) => SessionOpened.decode(payload)).filter((event) => event.userId === userId);
    expect(opened).toHaveLength(2);
    expect(opened[0]).toMatchObject({ userId, version: 1n, sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });
});
