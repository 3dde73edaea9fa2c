import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UserDeleted, UserRegistered, UserUpdated } from '@weft/gen/grpc/weft/users/v1/events';
import type { TestDatabase } from '@weft/kit/testing';
import { refusal } from '@weft/kit/testing';
import { ADMIN, openShop, PASSWORD, type Shop } from './fixture.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop.booted.stop());

const NAME = 'Zaphod Beeblebrox';
const EMAILS = ['zaphod@people.example', 'president@galaxy.example'];

interface Published {
  readonly type: string;
  readonly payload: Buffer;
}

/** Everything that a database holds, as text. */
async function dump(database: TestDatabase): Promise<string> {
  const tables = await database.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const held: string[] = [];
  for (const { name } of tables) held.push(...(await database.query(`SELECT * FROM ${name}`)).map(toText));
  return held.join('\n');
}

const toText = (row: object): string =>
  Object.values(row)
    .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value)))
    .join(' ');

describe('personal data', () => {
  it('is in no event and no log, and is gone once the account is deleted', async () => {
    const database = shop.booted.database('users');
    const customer = await shop.customer('zaphod');
    const { userId, client, token } = customer;
    await client.updateUser({ userId, fullName: NAME, email: EMAILS[1], expectedVersion: 1n });
    const [{ password_hash: hash } = { password_hash: '' }] = await database.query<{ password_hash: string }>(
      'SELECT password_hash FROM account WHERE user_id = $1',
      [userId],
    );
    expect(hash).toContain('argon2id');
    const taken = { email: 'PRESIDENT@galaxy.example', fullName: NAME, password: PASSWORD };
    await refusal(shop.anybody.register(taken));
    await refusal(shop.login(EMAILS[1] ?? '', 'a wrong password'));
    await refusal(shop.anybody.register({ ...taken, email: 'not an address', password: 'brief' }));
    const held = await dump(database);
    for (const personal of [NAME, EMAILS[1] ?? '']) expect(held).toContain(personal);

    await client.deleteUser({ userId });
    await shop.booted.settle(10_000);

    const [users, bus, logs] = [await dump(database), await dump(shop.booted.bus), JSON.stringify(shop.booted.logs)];
    const personal = [...EMAILS, 'Name of zaphod', NAME, 'zaphod', hash];
    const secret = [PASSWORD, 'a wrong password', 'brief"', ADMIN.password, token];
    const found = (text: string, wanted: string[]) =>
      wanted.filter((one) => text.toLowerCase().includes(one.toLowerCase()));
    expect(found(users, [...personal, ...secret])).toEqual([]);
    expect(found(bus, [...personal, ...secret, ADMIN.email])).toEqual([]);
    expect(found(logs, [...personal, ...secret, ADMIN.email])).toEqual([]);
    expect(users).toContain(userId);
    expect(logs).toContain('UsersService/Register');
  });

  it('stays out of the events that tell of each change', async () => {
    const { userId, client } = await shop.customer('eventful');
    await client.updateUser({ userId, fullName: NAME, email: 'new@people.example', expectedVersion: 1n });
    await client.updateUser({ userId, fullName: NAME, expectedVersion: 2n });
    await client.deleteUser({ userId });
    await client.deleteUser({ userId });
    await shop.booted.settle(10_000);
    const events = await shop.booted.bus.query<Published>(
      'SELECT type, payload FROM bus.message WHERE key = $1 ORDER BY seq',
      [userId],
    );
    const codecs = { user_registered: UserRegistered, user_updated: UserUpdated, user_deleted: UserDeleted };
    const told = events.map(({ type, payload }) => {
      const name = type.replace('weft.users.v1.', '') as keyof typeof codecs;
      return { name, ...codecs[name].decode(payload) };
    });
    expect(told).toMatchObject([
      { name: 'user_registered', userId, version: 1n },
      { name: 'user_updated', userId, version: 2n, changedFields: ['email', 'full_name'] },
      { name: 'user_deleted', userId, version: 3n },
    ]);
  });
});
