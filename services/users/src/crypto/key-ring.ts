import { importJWK, type JWK } from 'jose';
import type { SigningKeys } from '../app/ports.ts';
import { outlived, type RotationTimes, type SigningKey, signerOf } from '../domain/signing-key.ts';
import { ALGORITHM, publicKeys, type SigningJwk } from './tokens.ts';

interface StoredKey extends SigningKey {
  readonly jwk: SigningJwk;
}

interface StoredKeys extends SigningKeys {
  all(): Promise<readonly [StoredKey, ...StoredKey[]]>;
  remove(keys: readonly SigningKey[]): Promise<void>;
}

export interface Signer {
  readonly keyId: string;
  readonly key: Awaited<ReturnType<typeof importJWK>>;
}

/** The keys as this process last read them; it has none before it did. */
export interface KeyRing extends SigningKeys {
  signer(now: Date): Promise<Signer>;
  /** What verifies (RFC 7517). */
  jwks(): { readonly keys: readonly JWK[] };
  /** Reads the keys anew and removes those that no token needs. */
  refresh(): Promise<void>;
}

export function createKeyRing(stored: StoredKeys, times: RotationTimes, now: () => Date): KeyRing {
  let keys: Awaited<ReturnType<StoredKeys['all']>> | undefined;
  const known = () => {
    if (!keys) throw new Error('the signing keys have not been read yet');
    return keys;
  };
  let signers = new Map<string, Promise<Signer>>();
  const refresh = async () => {
    const found = await stored.all();
    await stored.remove(outlived(found, times, now()));
    keys = found;
    signers = new Map([...signers].filter(([keyId]) => found.some((one) => one.keyId === keyId)));
  };
  const load = async ({ keyId, jwk }: StoredKey) => ({ keyId, key: await importJWK(jwk, ALGORITHM) });
  return {
    refresh,
    all: () => stored.all(),
    async rotate() {
      const next = await stored.rotate();
      await refresh();
      return next;
    },
    signer(time) {
      const signing = signerOf(known(), time);
      const signer = signers.get(signing.keyId) ?? load(signing);
      signers.set(signing.keyId, signer);
      return signer;
    },
    jwks: () => publicKeys(known().map(({ jwk }) => jwk)),
  };
}
