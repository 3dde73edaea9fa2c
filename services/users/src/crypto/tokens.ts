import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { Tokens } from '../app/ports.ts';

/** A key pair as a JWK (RFC 8037) with its `kid`. Holds the private key. */
export type SigningKey = JWK;

export interface TokenOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly ttlSeconds: number;
}

const ALGORITHM = 'EdDSA';

export async function newSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: ALGORITHM, use: 'sig' };
}

/** The keys that verify tokens (RFC 7517), without what signs them. */
export function publicKeys(keys: readonly SigningKey[]): { readonly keys: readonly JWK[] } {
  return {
    keys: keys.map(({ kty = '', crv = '', x = '', kid = '', alg = '', use = '' }) => ({ kty, crv, x, kid, alg, use })),
  };
}

/** Access tokens as JWT (RFC 7519), signed with one key. */
export async function createTokens(key: SigningKey, { issuer, audience, ttlSeconds }: TokenOptions): Promise<Tokens> {
  const signer = await importJWK(key, ALGORITHM);
  const header = { alg: ALGORITHM, typ: 'JWT', kid: key.kid ?? '' };
  return {
    async issue(user, tokenId, now) {
      const issuedAt = Math.floor(now.getTime() / 1000);
      const expires = issuedAt + ttlSeconds;
      const text = await new SignJWT({ roles: [...user.roles] })
        .setProtectedHeader(header)
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(user.userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expires)
        .setJti(tokenId)
        .sign(signer);
      return { text, expiresAt: new Date(expires * 1000) };
    },
  };
}
