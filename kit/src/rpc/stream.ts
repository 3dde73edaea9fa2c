import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CallContext } from './context.ts';
import type { MethodContract } from './contract.ts';
import type { Encode } from './handler.ts';

/**
 * Sends what a handler yields, as fast as the caller takes it, until the handler ends, the stream is idle or old (a fifth
 * sooner at most), or the server drains. The handler's signal fires in each case; it has to stop then.
 */
export async function sendAll<R>(
  call: ServerWritableStream<unknown, Uint8Array>,
  open: (signal: AbortSignal) => AsyncIterable<R>,
  encode: Encode<R>,
  context: CallContext,
  method: MethodContract,
  draining: AbortSignal,
): Promise<void> {
  const ending = new AbortController();
  const end = () => ending.abort();
  const signal = AbortSignal.any([context.signal, ending.signal, draining]);
  const { idleTimeout = 0, maxAge = 0 } = method.stream ?? {};
  // Streams that were opened together, as after a restart, do not end and come back together.
  const spread = 1 - Math.random() / 5;
  const old = setTimeout(end, maxAge * spread);
  const idle = setTimeout(end, idleTimeout * spread);
  let iterator: AsyncIterator<R> | undefined;
  try {
    iterator = open(signal)[Symbol.asyncIterator]();
    for (;;) {
      const next = await unlessAborted(signal, iterator.next());
      if (!next || next.done) return;
      if (!call.write(encode(next.value))) await once(call, 'drain', { signal }).catch(() => {});
      if (signal.aborted) return;
      idle.refresh();
    }
  } finally {
    clearTimeout(old);
    clearTimeout(idle);
    ending.abort();
    iterator?.return?.().catch(() => {});
  }
}

/** What the work gives, or undefined once the signal has fired. Leaves nothing behind at the signal. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    const release = () => signal.removeEventListener('abort', stop);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    work.then(resolve, reject).finally(release);
  });
}
