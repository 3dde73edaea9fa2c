import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { RefreshTokens } from '../app/ports.ts';

const PREFIX = 'wrt_';
const HANDLE_BYTES = 16;
const SECRET_BYTES = 32;
const FORM = /^wrt_[A-Za-z0-9_-]{64}$/;

/**
 * Refresh tokens: what finds the session, which stays, and a secret, which changes with every exchange. Only hashes are kept:
 * both are random, so a plain one is enough. The next secret is made of the spent one, the exchange's key and a salt that is
 * kept: who repeats the exchange gets the same, and nobody can work it out from what is kept.
 */
export const refreshTokens: RefreshTokens = {
  first() {
    const handle = randomBytes(HANDLE_BYTES);
    const secret = randomBytes(SECRET_BYTES);
    return { text: format(handle, secret), handleHash: hash(handle), secretHash: hash(secret) };
  },
  parse(text) {
    if (!FORM.test(text)) return undefined;
    const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url');
    const handle = bytes.subarray(0, HANDLE_BYTES);
    const secret = bytes.subarray(HANDLE_BYTES);
    return {
      handleHash: hash(handle),
      secretHash: hash(secret),
      next(key, salt) {
        const following = createHmac('sha256', salt).update(secret).update(key).digest();
        return { text: format(handle, following), secretHash: hash(following) };
      },
    };
  },
  newSalt: () => randomBytes(SECRET_BYTES),
  same: (one, other) => one.length === other.length && timingSafeEqual(one, other),
};

function format(handle: Uint8Array, secret: Uint8Array): string {
  return PREFIX + Buffer.concat([handle, secret]).toString('base64url');
}

function hash(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
