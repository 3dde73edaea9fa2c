import { status } from '@grpc/grpc-js';
import { RemoteError } from '@weft/kit/rpc';

export const unavailable = () => new RemoteError(status.UNAVAILABLE, 'UNAVAILABLE', 'No connection established');
export const unauthenticated = () => new RemoteError(status.UNAUTHENTICATED, 'TOKEN_EXPIRED', 'sign in again');
export const notFound = (reason: string) => new RemoteError(status.NOT_FOUND, reason, 'not there');

/** Does what it is told, one thing a call; the last one again and again. */
export function scripted<T>(...steps: (() => T)[]): { next: () => T; calls: () => number } {
  let calls = 0;
  return {
    next: () => {
      const step = steps[Math.min(calls, steps.length - 1)];
      calls += 1;
      if (!step) throw new Error('nothing to do');
      return step();
    },
    calls: () => calls,
  };
}

export function fail(error: Error): () => never {
  return () => {
    throw error;
  };
}
