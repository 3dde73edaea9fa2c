import type { ContextValues } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { connectErrorOf } from '../clients/error-details.ts';
import { failureOf } from '../edge/failure.ts';
import { BodyTooSlow } from '../http/body.ts';
import type { Visit } from '../http/handler.ts';

/**
 * Lets a handler of the library answer a request.
 * @param bodyTimeout milliseconds in which all that the client has to say has to come
 */
export async function mount(
  handler: UniversalHandler,
  visit: Visit,
  bodyTimeout: number,
  values?: ContextValues,
): Promise<void> {
  const { request, response, arrival, headers } = visit;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  try {
    const asked = universalRequestFromNodeRequest(request as never, response as never, undefined, values);
    const tooSlow = () => connectErrorOf(failureOf(new BodyTooSlow()), arrival.correlationId);
    const body = inTime(asked.body as AsyncIterable<Uint8Array>, bodyTimeout, tooSlow);
    await universalResponseToNodeResponse(await handler({ ...asked, body }), response as never);
  } catch {
    // The client has gone, or has sent what is no HTTP: nobody is there to be told.
    response.destroy();
  }
}

async function* inTime<T>(body: AsyncIterable<T>, withinMs: number, tooSlow: () => Error): AsyncGenerator<T> {
  const chunks = body[Symbol.asyncIterator]();
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {});
  const timer = setTimeout(() => late.reject(tooSlow()), withinMs);
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), late.promise]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    // Not waited for: it ends after the chunk that has not come.
    chunks.return?.().catch(() => {});
  }
}
