import { RemoteError } from '../rpc/index.ts';

/** What a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<RemoteError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RemoteError) return error;
    throw error;
  }
  throw new Error('the call was not refused');
}
