/** A key that signs access tokens, without what it is made of. */
export interface SigningKey {
  readonly keyId: string;
  readonly createdAt: Date;
  /** From when on it signs, until the next one does. */
  readonly signsFrom: Date;
}

export type SigningKeyState = 'next' | 'current' | 'previous';

export interface RotationTimes {
  /** Between being published and signing: those who verify read the key meanwhile. */
  readonly leadMs: number;
  /** How long a key signs; 0: until somebody rotates it. */
  readonly rotateEveryMs: number;
  /** How long a token is good. */
  readonly tokenMs: number;
}

// Clocks differ, and a process may sign with the key before for as long as it takes to see the next.
const SLACK_MS = 60_000;

/** The one that signs: the newest whose time has come. Keys are newest first; the oldest signs where none has. */
export function signerOf<K extends SigningKey>(keys: readonly [K, ...K[]], now: Date): K {
  return keys.find(({ signsFrom }) => signsFrom <= now) ?? (keys.at(-1) as K);
}

export function stateOf<K extends SigningKey>(key: K, keys: readonly [K, ...K[]], now: Date): SigningKeyState {
  const signer = signerOf(keys, now);
  if (key === signer) return 'current';
  return key.signsFrom > signer.signsFrom ? 'next' : 'previous';
}

/** Whether it is time to publish the next key. */
export function isRotationDue(newest: SigningKey, { leadMs, rotateEveryMs }: RotationTimes, now: Date): boolean {
  return rotateEveryMs > 0 && now.getTime() >= newest.signsFrom.getTime() + rotateEveryMs - leadMs;
}

/** Keys whose tokens have all expired. */
export function outlived<K extends SigningKey>(keys: readonly K[], { tokenMs }: RotationTimes, now: Date): K[] {
  return keys.filter((_, index) => {
    const successor = keys[index - 1];
    return successor !== undefined && now.getTime() > successor.signsFrom.getTime() + tokenMs + SLACK_MS;
  });
}
