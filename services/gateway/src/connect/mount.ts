import type { ContextValues } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import type { Visit } from '../http/handler.ts';

/** Lets a handler of the library answer a request. */
export async function mount(handler: UniversalHandler, visit: Visit, values?: ContextValues): Promise<void> {
  const { request, response, headers } = visit;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  try {
    const asked = universalRequestFromNodeRequest(request as never, response as never, undefined, values);
    await universalResponseToNodeResponse(await handler(asked), response as never);
  } catch {
    // The client has gone, or has sent what is no HTTP: nobody is there to be told.
    response.destroy();
  }
}
