import type { WorkContext } from '../context/index.ts';
import type { RoleName } from './contract.ts';

/** The end user whose token came with a call, verified. */
export interface User {
  readonly id: string;
  readonly roles: readonly RoleName[];
}

/** What a handler is told about its call. */
export interface CallContext extends WorkContext {
  readonly signal: AbortSignal;
  /** The service that calls, where it is known. */
  readonly callerService: string | undefined;
  readonly user: User | undefined;
  /** Full method name, and the SHA-256 of the request's bytes: what an idempotency key is bound to. */
  readonly method: string;
  requestHash(): Uint8Array;
}
