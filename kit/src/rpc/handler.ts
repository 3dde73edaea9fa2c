import type { CallContext } from './context.ts';

/** What a service does for one call. It throws DomainError for what callers can act on. */
export type UnaryHandler<Q, R> = (request: Q, call: CallContext) => Promise<R>;

/** What a service sends for one call; it stops when `call.signal` fires. */
export type StreamHandler<Q, R> = (request: Q, call: CallContext) => AsyncIterable<R>;

/** Encodes a response; throws what the caller is to hear when it cannot be sent. */
export type Encode<R> = (response: R) => Uint8Array;
