import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UserLockedOut } from '@weft/gen/grpc/weft/users/v1/events';
import { openDatabase } from '@weft/kit/store';
import { createLogger } from '@weft/kit/telemetry';
import { refusal } from '@weft/kit/testing';

import fc from 'fast-check';
import { type FailedLogins, oneMore } from '../src/domain/lockout.ts';
import { forgetExpired } from '../src/store/forget.ts';
import type { UsersSchema } from '../src/store/schema.ts';
import { openShop, PASSWORD, type Shop } from './fixture.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');

describe('wrong passwords', () => {
  it('lock from the fifth on, each time for longer, a quarter of an hour at most', () => {
    const locks: number[] = [];
    let failed: FailedLogins | undefined;
    let now = NOW;
    for (let count = 1; count <= 14; count++) {
      failed = oneMore(failed, now);
      locks.push(((failed.lockedUntil?.getTime() ?? now.getTime()) - now.getTime()) / 1000);
      now = failed.lockedUntil ?? now;
    }
    expect(locks).toEqual([0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900, 900]);
  });

  it('are forgotten after an hour, however many they were', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (count) => {
        const lastAt = new Date(NOW.getTime() - 3_600_001);
        expect(oneMore({ count, lastAt, lockedUntil: undefined }, NOW).count).toBe(1);
      }),
    );
  });
});

describe('an address', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await openShop();
  });

  afterAll(() => shop.booted.stop());

  const wrong = (email: string) => refusal(shop.login(email, 'not the password'));
  const failures = async (email: string, count: number) => {
    const reasons = [];
    for (let turn = 0; turn < count; turn++) reasons.push((await wrong(email)).reason);
    return reasons;
  };
  const passTime = () =>
    shop.booted.database('users').query(`UPDATE failed_login SET locked_until = now() - interval '1 second'`);

  it('is locked after five wrong passwords, also for the right one, whether it has an account or not', async () => {
    const { email, userId } = await shop.customer('forgetful');
    const refused = await Promise.all(
      [email, 'nobody@people.example'].map(async (address) => {
        expect(await failures(address, 5)).toEqual(Array(5).fill('BAD_CREDENTIALS'));
        return refusal(shop.login(address.toUpperCase()));
      }),
    );
    for (const { code, reason, message, metadata, retryAfter } of refused) {
      expect({ code, reason, message }).toEqual({
        code: 8,
        reason: 'LOGIN_LOCKED',
        message: 'too many wrong passwords; try again later',
      });
      expect(Number(metadata.retry_after_seconds)).toBeGreaterThan(20);
      expect(Number(metadata.retry_after_seconds)).toBeLessThanOrEqual(30);
      expect(retryAfter).toBe(Number(metadata.retry_after_seconds));
    }
    await shop.booted.settle(10_000);
    const told = await shop.booted.bus.query<{ payload: Buffer }>(
      `SELECT payload FROM bus.message WHERE type = 'weft.users.v1.user_locked_out'`,
    );
    expect(told.map(({ payload }) => UserLockedOut.decode(payload))).toMatchObject([{ userId, failedAttempts: 5 }]);

    await passTime();
    expect((await shop.login(email)).user?.userId).toBe(userId);
    expect(await failures(email, 1)).toEqual(['BAD_CREDENTIALS']);
    expect((await shop.login(email)).user?.userId).toBe(userId);
  });

  it('gives away no more by many tries at once', async () => {
    const { email } = await shop.customer('stormed');
    const tries = await Promise.all(Array.from({ length: 12 }, () => wrong(email)));
    const answered = tries.filter(({ reason }) => reason === 'BAD_CREDENTIALS');
    expect(answered).toHaveLength(5);
    expect(tries.filter(({ reason }) => reason === 'LOGIN_LOCKED')).toHaveLength(7);
  });

  it('that is locked keeps the sessions that it has', async () => {
    const { email } = await shop.customer('besieged');
    const { refreshToken } = await shop.login(email);
    await failures(email, 6);
    const next = await shop.anybody.refreshToken({ refreshToken, idempotencyKey: 'a key of sixteen' });
    expect(next.accessToken).not.toBe('');
  });

  it('is signed in to by several at once', async () => {
    const { email, userId } = await shop.customer('popular');
    const logins = await Promise.all(Array.from({ length: 8 }, () => shop.login(email)));
    expect(logins.map(({ user }) => user?.userId)).toEqual(Array(8).fill(userId));
  });

  it('is locked by wrong passwords for a change of it as well', async () => {
    const { client, userId, email } = await shop.customer('snatched');
    const change = { userId, currentPassword: 'a guess', newPassword: 'mine from now on' };
    for (let turn = 0; turn < 5; turn++) await refusal(client.changePassword(change));
    const right = { ...change, currentPassword: PASSWORD };
    expect(await refusal(client.changePassword(right))).toMatchObject({ reason: 'LOGIN_LOCKED' });
    expect(await refusal(shop.login(email))).toMatchObject({ reason: 'LOGIN_LOCKED' });
  });

  it('made up takes no room for good', async () => {
    const { url } = shop.booted.database('users');
    const logger = createLogger({ level: 'silent', pretty: false });
    const database = openDatabase<UsersSchema>({ url, name: 'test', logger });
    try {
      const count = async () => (await shop.booted.database('users').query('SELECT FROM failed_login')).length;
      await failures('made-up-1@people.example', 1);
      await failures('made-up-2@people.example', 1);
      await forgetExpired(database, new Date(), 1);
      expect(await count()).toBe(1);
      await forgetExpired(database, new Date(Date.now() + 3_601_000));
      expect(await count()).toBe(0);
    } finally {
      await database.close();
    }
  });
});
