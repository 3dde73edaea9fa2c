import { once } from 'node:events';
import type { User } from '@weft/kit/rpc';
import type { Edge } from '../edge/edge.ts';
import { failureOf } from '../edge/failure.ts';
import type { Visit } from '../http/handler.ts';
import { problemOf } from '../http/problem.ts';
import { bodyOf } from './body.ts';
import type { LinksOf } from './links.ts';
import type { Route } from './routes.ts';

const HEARTBEAT_MS = 15_000;

/**
 * A stream as server-sent events: each message's resume token is its id, so that a client that comes back says in
 * Last-Event-ID where it was. A failure after the beginning is an event `problem`. Source: HTML Standard, 9.2.
 */
export async function sendEvents(
  visit: Visit,
  route: Route,
  encoded: Uint8Array,
  user: User | undefined,
  { edge, linksOf }: { readonly edge: Edge; readonly linksOf: LinksOf },
  extra: Record<string, string>,
): Promise<void> {
  const { response, arrival, path } = visit;
  const messages = edge.stream(route.method, encoded, arrival, user);
  // What is refused at once is refused with a status.
  const first = await messages.next();
  if (response.destroyed) return void (await messages.return(undefined));
  begin(visit, extra);
  let full = false;
  const send = async (text: string) => {
    if (response.write(text) || response.destroyed) return;
    full = true;
    // Whichever does not come leaves no listener behind.
    const settled = new AbortController();
    const either = [once(response, 'drain', settled), once(response, 'close', settled)];
    await Promise.race(either).catch(() => {});
    settled.abort();
    full = false;
  };
  const heartbeat = setInterval(() => full || response.write(': still here\n\n'), HEARTBEAT_MS);
  try {
    for (let next = first; !next.done && !response.destroyed; next = await messages.next()) {
      const { json } = bodyOf(route, next.value, user, linksOf);
      const id = typeof json.resumeToken === 'string' ? `id: ${json.resumeToken.replaceAll(/[\r\n\0]/g, '')}\n` : '';
      await send(`${id}data: ${JSON.stringify(json)}\n\n`);
    }
  } catch (error) {
    const problem = problemOf(failureOf(error), arrival.correlationId, path.slice(0, 200));
    await send(`event: problem\ndata: ${JSON.stringify(problem)}\n\n`);
  } finally {
    clearInterval(heartbeat);
    await messages.return(undefined);
  }
  response.end();
}

/** What HEAD is told of a stream: the service is not asked, since it may have nothing to say for long. Source: RFC 9110, 9.3.2. */
export function tellOfEvents(visit: Visit, extra: Record<string, string>): void {
  begin(visit, extra);
  visit.response.end();
}

function begin({ response, arrival, headers }: Visit, extra: Record<string, string>): void {
  arrival.answered(200);
  response.writeHead(200, {
    ...headers,
    ...extra,
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}
