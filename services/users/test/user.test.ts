import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { assertMay } from '../src/domain/access.ts';
import { UserDeleted, UserNotFound, VersionMismatch } from '../src/domain/failures.ts';
import { changeUser, emailKey, eraseUser, makeAdmin, openUser, type User } from '../src/domain/user.ts';

const OPENED = new Date('2026-01-02T03:04:05.678Z');
const LATER = new Date('2026-02-03T04:05:06.789Z');
const ada: User = openUser({ userId: 'u-1', email: 'Ada@Example.com', fullName: 'Ada', roles: ['customer'] }, OPENED);

const change = fc.record(
  { email: fc.constantFrom('Ada@Example.com', 'new@example.com'), fullName: fc.constantFrom('Ada', 'Countess') },
  { requiredKeys: [] },
);

describe('a change of an account', () => {
  it('raises the version by one exactly when a field changes, and names the fields that did', () => {
    fc.assert(
      fc.property(change, fc.constantFrom(0n, 1n), (wanted, expectedVersion) => {
        const { user, fields } = changeUser(ada, wanted, expectedVersion, LATER);
        const differing = (['email', 'fullName'] as const).filter(
          (f) => wanted[f] !== undefined && wanted[f] !== ada[f],
        );
        expect(fields).toEqual(differing);
        if (fields.length === 0) expect(user).toBe(ada);
        else expect(user).toEqual({ ...ada, ...wanted, version: 2n, updatedAt: LATER });
      }),
    );
  });

  it('is refused at another version than the expected one', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n, max: 9n }), (expectedVersion) => {
        expect(() => changeUser(ada, { fullName: 'Countess' }, expectedVersion, LATER)).toThrow(VersionMismatch);
      }),
    );
  });

  it('made again because its answer was lost finds itself done', () => {
    const wanted = { fullName: 'Countess' };
    const { user } = changeUser(ada, wanted, 1n, LATER);
    expect(changeUser(user, wanted, 1n, LATER)).toEqual({ user, fields: [] });
    expect(() => changeUser(user, { fullName: 'Ada' }, 1n, LATER)).toThrow(VersionMismatch);
    expect(() => changeUser(user, {}, 1n, LATER)).toThrow(VersionMismatch);
  });

  it('is refused once the account is deleted', () => {
    expect(() => changeUser(eraseUser(ada, LATER), { fullName: 'x' }, 0n, LATER)).toThrow(UserDeleted);
  });
});

describe('a deleted account', () => {
  it('keeps its id and times, and nothing personal', () => {
    const { email, fullName, ...rest } = eraseUser(ada, LATER);
    expect([email, fullName]).toEqual(['', '']);
    expect(rest).toEqual({
      userId: 'u-1',
      roles: ['customer'],
      version: 2n,
      createdAt: OPENED,
      updatedAt: LATER,
      deletedAt: LATER,
    });
  });

  it('stays as it is when it is deleted again', () => {
    const erased = eraseUser(ada, OPENED);
    expect(eraseUser(erased, LATER)).toBe(erased);
  });
});

describe('an administrator', () => {
  it('keeps the roles that the person had, and nothing changes the second time', () => {
    const { user, fields } = makeAdmin(ada, true, LATER);
    expect(user.roles).toEqual(['customer', 'admin']);
    expect(fields).toEqual(['password', 'roles']);
    expect(makeAdmin(user, false, LATER)).toEqual({ user, fields: [] });
  });
});

describe('access to an account', () => {
  const may = (roles: string[], id: string, right: 'read' | 'change') => {
    try {
      assertMay({ id, roles }, right, 'u-1');
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(UserNotFound);
      return false;
    }
  };

  it.each([
    [['customer'], 'u-1', true, true],
    [['customer'], 'u-2', false, false],
    [['support'], 'u-2', true, false],
    [['admin'], 'u-2', true, true],
    [['support', 'customer'], 'u-2', true, false],
    [['toString', '__proto__'], 'u-2', false, false],
    [[], 'u-2', false, false],
  ])('%j as %s: reads %s, changes %s', (roles, id, reads, changes) => {
    expect([may(roles, id, 'read'), may(roles, id, 'change')]).toEqual([reads, changes]);
  });

  it('is nobody’s without a token', () => {
    expect(() => assertMay(undefined, 'read', 'u-1')).toThrow(UserNotFound);
  });
});

it('addresses are the same whatever their case', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (email) =>
      expect(emailKey(email.toUpperCase())).toBe(emailKey(email.toLowerCase())),
    ),
  );
});
