import type { Answerer, Visit } from '../http/handler.ts';
import { reply } from '../http/reply.ts';
import { PAGE, PAGE_POLICY } from './page.ts';

/** /openapi.json as it was generated, and /docs, a page that shows it without anything from elsewhere. */
export function answerDocs(openapi: () => Promise<string>): Answerer {
  let text: Promise<string> | undefined;
  const send = ({ request, response, headers }: Visit, type: string, body: string, extra = {}) =>
    reply(request, response, 200, { ...headers, 'content-type': type, 'cache-control': 'no-cache', ...extra }, body);
  return async (visit) => {
    if (visit.request.method !== 'GET' && visit.request.method !== 'HEAD') return false;
    if (visit.path === '/docs') {
      await send(visit, 'text/html; charset=utf-8', PAGE, { 'content-security-policy': PAGE_POLICY });
      return true;
    }
    if (visit.path !== '/openapi.json') return false;
    text ??= openapi();
    await send(visit, 'application/json', await text);
    return true;
  };
}
