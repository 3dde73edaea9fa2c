import { isRotationDue, type RotationTimes } from '../domain/signing-key.ts';
import type { SigningKeys } from './ports.ts';

/** Publishes the next key when the one that signs is old enough, and lets go of keys that no token needs. */
export async function keepKeysYoung(keys: SigningKeys, times: RotationTimes, now: () => Date): Promise<void> {
  const [newest] = await keys.all();
  if (isRotationDue(newest, times, now())) await keys.rotate();
}
