import type { Version } from './version.ts';

const user = { email: 'emailAddress' };

/** Users with `userId`, `fullName` and `emailAddress`. */
export const v1: Version = {
  name: 'v1',
  renames: {
    'weft.users.v1.User': user,
    'weft.users.v1.RegisterRequest': user,
    'weft.users.v1.LoginRequest': user,
    'weft.users.v1.UpdateUserRequest': user,
  },
  deprecated: { since: new Date('2026-11-01T00:00:00Z'), sunset: new Date('2027-11-01T00:00:00Z'), successor: 'v2' },
};
