import { randomBytes } from 'node:crypto';
import { hash, type Options, verify } from '@node-rs/argon2';
import type { Passwords } from '../app/ports.ts';
import { Bulkhead } from './bulkhead.ts';

// argon2id, the library's default. Source: OWASP Password Storage Cheat Sheet.
const PARAMETERS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

// Two of libuv's four threads stay free for files and names; what waits is done well within a call's timeout.
const BOUNDS = { running: 2, waiting: 64 };

/** Hashing with bounded processor time and memory. */
export function createPasswords(bounds = BOUNDS): Passwords {
  const bulkhead = new Bulkhead(bounds);
  const ofNobody = hash(randomBytes(32), PARAMETERS);
  return {
    hash: (password, signal) => bulkhead.run(() => hash(password, PARAMETERS), signal),
    async matches(passwordHash, password, signal) {
      const same = await bulkhead.run(async () => verify(passwordHash ?? (await ofNobody), password), signal);
      return same && passwordHash !== undefined;
    },
  };
}
