import { RemoteError } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';

/**
 * Asks until it is answered: a killed process answers nothing, or breaks off in the middle of its answer.
 * @param away codes that are no answer
 */
export function persistently<T>(
  ask: () => Promise<T>,
  away: readonly number[],
  withinMs: number,
): Promise<T | RemoteError> {
  return eventually(async () => {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof RemoteError && !away.includes(error.code)) return error;
      throw error;
    }
  }, withinMs);
}
