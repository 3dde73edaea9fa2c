import { BlockList, isIP } from 'node:net';
import type { Metadata } from '@grpc/grpc-js';
import { errors, jwtVerify } from 'jose';
import { DomainError } from '../failure/index.ts';
import type { User } from './context.ts';
import type { RoleName } from './contract.ts';
import { TokenKeys } from './token-keys.ts';

/** Header in which a service names itself where no mesh proves who it is. */
export const CALLER_HEADER = 'weft-caller';

const MAX_REMEMBERED = 2000;

export interface TokenOptions {
  /** Where the signing keys are served (RFC 7517). */
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  /** An OpenID provider that takes the place of issuer and keys: its URL, under which it says where its keys are. Empty: none. */
  readonly oidcIssuer?: string;
  /** The one algorithm that is accepted; EdDSA where absent. */
  readonly algorithm?: string;
  /** The claim that lists the roles; `roles` where absent. */
  readonly rolesClaim?: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Gives the user at once when the token is known. */
export type TokenVerifier = (token: string) => User | Promise<User>;

export interface RenewingVerifier extends TokenVerifier {
  /** Fetches the keys anew: who does so now and then has nobody wait for them. */
  renewKeys(): Promise<void>;
}

/**
 * Verifies access tokens: EdDSA signature, issuer, audience and expiry. A token that passed is remembered until it expires,
 * within a bound. Throws UNAUTHENTICATED (TOKEN_EXPIRED, TOKEN_INVALID) or UNAVAILABLE (KEYS_UNAVAILABLE).
 */
export function createTokenVerifier(options: TokenOptions): RenewingVerifier {
  const { jwksUrl, audience, oidcIssuer = '', algorithm = 'EdDSA', rolesClaim = 'roles', now } = options;
  const issuer = oidcIssuer || options.issuer;
  const algorithms = algorithm === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [algorithm];
  const keys = new TokenKeys({ jwksUrl, oidcIssuer });
  const remembered = new Map<string, { user: User; expires: number }>();
  const verify = async (token: string): Promise<User> => {
    const known = await keys.get().catch((error: unknown) => {
      throw refusal(error);
    });
    const { payload } = await jwtVerify(token, known, {
      issuer,
      audience,
      algorithms,
      requiredClaims: ['sub', 'exp', rolesClaim],
      currentDate: new Date(now()),
    }).catch((error: unknown) => {
      throw refusal(error);
    });
    const user: User = { id: String(payload.sub), roles: rolesOf(payload[rolesClaim]) };
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value as string);
    remembered.set(token, { user, expires: (payload.exp as number) * 1000 });
    return user;
  };
  const verifier = (token: string): User | Promise<User> => {
    const known = remembered.get(token);
    if (known && known.expires > now()) return known.user;
    remembered.delete(token);
    return verify(token);
  };
  return Object.assign(verifier, { renewKeys: () => keys.renew() });
}

function rolesOf(claim: unknown): RoleName[] {
  if (Array.isArray(claim) && claim.every((role) => typeof role === 'string')) return claim as RoleName[];
  throw new DomainError('unauthenticated', 'TOKEN_INVALID', 'the access token is not valid');
}

function refusal(error: unknown): DomainError {
  if (error instanceof errors.JWTExpired)
    return new DomainError('unauthenticated', 'TOKEN_EXPIRED', 'the access token has expired');
  const unreadable =
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC';
  if (!unreadable) return new DomainError('unauthenticated', 'TOKEN_INVALID', 'the access token is not valid');
  return new DomainError('unavailable', 'KEYS_UNAVAILABLE', 'the keys of access tokens cannot be read');
}

const SCHEME = /^Bearer \S/i;
const SCHEME_LENGTH = 'Bearer '.length;
const MAX_HEADER = 8192;

/** The token of an authorization header. Throws UNAUTHENTICATED (TOKEN_INVALID) for another scheme. */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.length > MAX_HEADER || !SCHEME.test(header))
    throw new DomainError('unauthenticated', 'TOKEN_INVALID', 'authorization must be "Bearer <access token>"');
  return header.slice(SCHEME_LENGTH);
}

/** The service that calls. Its own word is taken from this machine only, where there is no mesh to prove it. */
export function callerService(metadata: Metadata, call: { getPeer(): string }): string | undefined {
  const [header] = metadata.get(CALLER_HEADER);
  if (typeof header !== 'string' || !/^[a-z][a-z0-9-]{0,62}$/.test(header)) return undefined;
  return isLoopback(call.getPeer()) ? header : undefined;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** @param peer address:port, the address of IPv6 in brackets or not */
function isLoopback(peer: string): boolean {
  if (peer.startsWith('127.0.0.1:')) return true;
  const address = peer.slice(0, peer.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  // A zone belongs to addresses that are never loopback, and BlockList refuses it.
  if (family === 0 || address.includes('%')) return false;
  return loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
