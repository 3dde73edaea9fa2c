import { status } from '@grpc/grpc-js';
import { currentContext } from '../context/index.ts';
import type { Asked } from './asked.ts';
import type { Line } from './attempt.ts';
import { RemoteError, remoteErrorOf } from './errors.ts';
import { persist, type Retries } from './retries.ts';
import { WANTED_HEADER } from './server-call.ts';
import type { GeneratedMethod } from './service.ts';

export interface CallOptions {
  /** Milliseconds; the method's own timeout where absent, which streams have none of. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Access token to send instead of the one of the current context. */
  readonly token?: string;
}

/** One unary call. Rejects with RemoteError. */
export function callOnce(
  line: Line,
  { path, requestSerialize, responseDeserialize }: GeneratedMethod,
  request: unknown,
  { headers, deadline, retries }: Pick<Asked, 'headers' | 'deadline'> & { readonly retries: Retries },
  options: CallOptions | undefined,
  onWanted: (code: status) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let message: Buffer;
    try {
      message = requestSerialize(request);
    } catch (error) {
      return reject(new RemoteError(status.INTERNAL, 'INTERNAL', `the request cannot be encoded: ${String(error)}`));
    }
    let release = () => {};
    const cancel = persist(line, { path, message, headers, deadline }, retries, ({ status: ending, response }) => {
      release();
      if (ending.metadata.get(WANTED_HEADER).length > 0) onWanted(ending.code);
      if (ending.code !== status.OK) return reject(remoteErrorOf(ending));
      if (!response) return reject(new RemoteError(status.UNIMPLEMENTED, 'UNIMPLEMENTED', 'no response was received'));
      try {
        resolve(responseDeserialize(response));
      } catch {
        reject(new RemoteError(status.INTERNAL, 'INTERNAL', 'the response is not an encoded message'));
      }
    });
    release = onAbort(options, () => cancel(status.CANCELLED, 'cancelled by the caller'));
  });
}

/** Cancels when the call's own signal or that of the current work fires; gives what takes that back. */
export function onAbort(options: CallOptions | undefined, cancel: () => void): () => void {
  const signals = [options?.signal, currentContext()?.signal].filter((signal) => signal !== undefined);
  for (const signal of signals) signal.addEventListener('abort', cancel, { once: true });
  if (signals.some((signal) => signal.aborted)) cancel();
  return () => {
    for (const signal of signals) signal.removeEventListener('abort', cancel);
  };
}
