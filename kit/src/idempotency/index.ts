import type { CallContext } from '../rpc/index.ts';
import { type Database, type IdempotentWork, once } from '../store/index.ts';

/** Does a call's work once for its idempotency key, scoped by who calls and by method. Gives the encoded response. */
export function onceForCall<S, P = undefined>(
  database: Database<S>,
  call: CallContext,
  key: string,
  work: IdempotentWork<S, P>,
): Promise<Uint8Array> {
  const subject = call.user ? `user:${call.user.id}` : `service:${call.callerService ?? ''}`;
  return once(database, { subject, method: call.method, key, requestHash: call.requestHash() }, work);
}
