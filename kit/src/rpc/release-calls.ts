import { AsyncResource } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Http2Stream } from 'node:http2';
import { setImmediate } from 'node:timers';

/** On what binds in this process, which may have loaded this module more than once. */
const OURS = Symbol.for('weft.bind');

/**
 * Has all that an HTTP/2 call of this process held go with it. Otherwise it stays until the next full collection, and the
 * collector's work for it is a fifth of what a call costs:
 *
 * - Node binds a function for every request that it sends, and AsyncResource#bind gives each an accessor `asyncResource` of its own
 *   (deprecated as DEP0172), so a hidden class of its own, which keeps alive whatever the function can reach. Here it gives none.
 * - Every stream has a function of its own among those that V8 makes old from the beginning, which keeps the stream alive, and it
 *   its listeners. Here a stream that is closed has no listeners: nothing is emitted after that.
 */
export function releaseCalls(): void {
  if (OURS in AsyncResource.prototype.bind) return;
  AsyncResource.prototype.bind = Object.assign(bind, { [OURS]: true });
  for (const channel of ['http2.client.stream.created', 'http2.server.stream.created'])
    subscribe(channel, (message) => (message as { stream: Http2Stream }).stream.once('close', releaseSoon));
}

type Work = (...given: unknown[]) => unknown;

function bind<F extends (...given: never[]) => unknown>(this: AsyncResource, work: F, receiver?: unknown): F {
  const run = (self: unknown, given: unknown[]) => this.runInAsyncScope(work as unknown as Work, self, ...given);
  const bound = function (this: unknown, ...given: unknown[]) {
    return run(receiver === undefined ? this : receiver, given);
  };
  return bound as unknown as F;
}

/** After whoever else hears of its end. */
function releaseSoon(this: Http2Stream): void {
  setImmediate(release, this);
}

function release(stream: Http2Stream): void {
  // Told of each of them, it would be asked about all one by one.
  stream.removeAllListeners('removeListener');
  stream.removeAllListeners();
}
