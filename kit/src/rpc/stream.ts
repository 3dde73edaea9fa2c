import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CallContext } from './context.ts';
import type { MethodContract } from './contract.ts';
import type { StreamHandler } from './handler.ts';

/**
 * Sends what a handler yields, as fast as the caller takes it, until the handler ends, the stream is idle or old, or the
 * server drains. The handler's signal fires in each case; it has to stop then.
 */
export async function sendAll<Q, R>(
  call: ServerWritableStream<unknown, R>,
  handler: StreamHandler<Q, R>,
  request: Q,
  context: CallContext,
  method: MethodContract,
  draining: AbortSignal,
): Promise<void> {
  const ending = new AbortController();
  const end = () => ending.abort();
  const signal = AbortSignal.any([context.signal, ending.signal, draining]);
  const { idleTimeout = 0, maxAge = 0 } = method.stream ?? {};
  const old = setTimeout(end, maxAge);
  const idle = setTimeout(end, idleTimeout);
  const iterator = handler(request, { ...context, signal })[Symbol.asyncIterator]();
  const stopped = new Promise<'stopped'>((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  try {
    for (;;) {
      const next = await Promise.race([stopped, iterator.next()]);
      if (next === 'stopped' || next.done) return;
      if (!call.write(next.value)) await Promise.race([stopped, once(call, 'drain', { signal }).catch(() => {})]);
      idle.refresh();
    }
  } finally {
    clearTimeout(old);
    clearTimeout(idle);
    ending.abort();
    iterator.return?.().catch(() => {});
  }
}
