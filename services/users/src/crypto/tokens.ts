import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Tokens } from '../app/ports.ts';

interface Keys {
  signer(now: Date): Promise<{ readonly keyId: string; readonly key: Parameters<SignJWT['sign']>[0] }>;
}

/** A key pair as a JWK (RFC 8037) with its `kid`. Holds the private key. */
export type SigningJwk = JWK;

export interface TokenOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly ttlSeconds: number;
}

export const ALGORITHM = 'EdDSA';

export async function newSigningKey(): Promise<SigningJwk> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: ALGORITHM, use: 'sig' };
}

/** The keys that verify tokens (RFC 7517), without what signs them. */
export function publicKeys(keys: readonly SigningJwk[]): { readonly keys: readonly JWK[] } {
  return {
    keys: keys.map(({ kty = '', crv = '', x = '', kid = '', alg = '', use = '' }) => ({ kty, crv, x, kid, alg, use })),
  };
}

/** Access tokens as JWT (RFC 7519), signed with the key whose turn it is. */
export function createTokens(keys: Keys, { issuer, audience, ttlSeconds }: TokenOptions): Tokens {
  return {
    async issue(user, tokenId, now) {
      const { keyId, key } = await keys.signer(now);
      const issuedAt = Math.floor(now.getTime() / 1000);
      const expires = issuedAt + ttlSeconds;
      const text = await new SignJWT({ roles: [...user.roles] })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: keyId })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(user.userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expires)
        .setJti(tokenId)
        .sign(key);
      return { text, expiresAt: new Date(expires * 1000) };
    },
  };
}
