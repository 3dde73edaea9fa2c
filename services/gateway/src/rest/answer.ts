import { DomainError } from '@weft/kit/failure';
import type { Answer } from '../edge/answer.ts';
import { type Arrival, one } from '../edge/arrival.ts';
import type { Edge } from '../edge/edge.ts';
import { ageHeaders } from '../http/age.ts';
import { readBody } from '../http/body.ts';
import { type Answerer, refuse, type Visit } from '../http/handler.ts';
import { matches } from '../http/match.ts';
import { isCompressed, reply } from '../http/reply.ts';
import { Limited, rateLimitHeaders } from '../limits/rate-limits.ts';
import type { Version } from '../versions/version.ts';
import { type Body, bodyOf } from './body.ts';
import { entityTag, gzippedTag } from './entity-tag.ts';
import { namedFor } from './field-names.ts';
import type { LinksOf } from './links.ts';
import { linkHeader, pageLinks } from './pages.ts';
import { encodeRequest } from './request.ts';
import type { Router } from './router.ts';
import type { Route } from './routes.ts';
import { sendEvents, tellOfEvents } from './sse.ts';
import { takeView, type View } from './views.ts';

export interface RestOptions {
  readonly edge: Edge;
  readonly router: Router<Route>;
  readonly linksOf: LinksOf;
  readonly views: readonly View[];
  readonly bodyTimeout: number;
  readonly onUnexpected: (error: unknown, arrival: Arrival) => void;
}

class MethodNotAllowed extends DomainError {
  readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    super('invalid-argument', 'METHOD_NOT_ALLOWED', `this path knows ${allowed.join(', ')}`);
    this.allowed = allowed;
  }
}

/** HEAD is answered wherever GET is. */
const spoken = (http: string): string[] => (http === 'GET' ? ['GET', 'HEAD'] : [http]);

/** What is known of an answer before it is there. */
interface Told {
  readonly extra: Record<string, string>;
  route: Route | undefined;
}

/** REST under /api, as the contracts' google.api.http options say. */
export function answerRest({ edge, router, linksOf, views, bodyTimeout, onUnexpected }: RestOptions): Answerer {
  async function answer(visit: Visit, told: Told): Promise<void> {
    const { extra } = told;
    const { request } = visit;
    const http = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    const found = router.find(http, visit.path);
    if (!found) throw new DomainError('not-found', 'NO_SUCH_PATH', 'there is nothing here');
    if ('allowed' in found) throw new MethodNotAllowed(found.allowed.flatMap(spoken));
    const route = found.value;
    visit.arrival.route = { method: http, path: route.path };
    told.route = route;
    Object.assign(extra, versionHeaders(route.version));
    const user = await admitted(route, visit, extra);
    const { view, query } = takeView(route, visit.query, views);
    const plain = resumed(route, { ...visit, query });
    const body = route.body === '' ? undefined : await bodyOfRequest(visit);
    const encoded = encodeRequest(route, found.variables, plain, body);
    if (view) return send(visit, route, await view.read(visit, route, encoded, user), extra);
    if (route.method.contract.stream && request.method === 'HEAD') return tellOfEvents(visit, extra);
    if (route.method.contract.stream) return sendEvents(visit, route, encoded, user, { edge, linksOf }, extra);
    const given: Answer = await edge.call(route.method, encoded, visit.arrival, user);
    if (given.age !== undefined) Object.assign(extra, ageHeaders(given.age, given.stale));
    return send(visit, route, bodyOf(route, given.bytes, user, linksOf), extra);
  }

  async function admitted({ method }: Route, { arrival }: Visit, extra: Record<string, string>) {
    try {
      const { user, limit } = await edge.admit(method, arrival);
      Object.assign(extra, rateLimitHeaders(limit));
      return user;
    } catch (error) {
      if (error instanceof Limited) Object.assign(extra, rateLimitHeaders(error.limit));
      edge.refused(method, arrival, error);
      throw error;
    }
  }

  async function bodyOfRequest({ request }: Visit): Promise<Buffer> {
    const bytes = await readBody(request, bodyTimeout);
    const type = one(request.headers['content-type']) ?? '';
    if (bytes.length > 0 && !/^application\/(?:[\w.-]{1,40}\+)?json\s*(?:;|$)/i.test(type))
      throw new DomainError('invalid-argument', 'MEDIA_TYPE_UNSUPPORTED', 'the body has to be application/json');
    if (request.headers['content-encoding'] !== undefined && request.headers['content-encoding'] !== 'identity')
      throw new DomainError('invalid-argument', 'MEDIA_TYPE_UNSUPPORTED', 'the body has to be uncompressed');
    return bytes;
  }

  return (visit) => {
    if (!visit.path.startsWith('/api/')) return false;
    const told: Told = { extra: {}, route: undefined };
    return answer(visit, told).then(
      () => true,
      async (error: unknown) => {
        const { extra, route } = told;
        if (error instanceof MethodNotAllowed) extra.allow = error.allowed.join(', ');
        await refuse(visit, error, onUnexpected, extra, route && ((violations) => namedFor(route, violations)));
        return true;
      },
    );
  };
}

/** A client that comes back to a stream says where it was; its address is still the one that it began with. */
function resumed(route: Route, visit: Visit): Visit {
  const last = one(visit.request.headers['last-event-id']);
  const resumes = route.method.descriptor.input.fields.some(({ name }) => name === 'resume_token');
  if (last === undefined || last === '' || !resumes) return visit;
  const query = new URLSearchParams(visit.query);
  query.delete('resumeToken');
  query.set('resume_token', last);
  return { ...visit, query: query.toString() };
}

/** Source: RFC 9745, RFC 8594. */
function versionHeaders({ deprecated }: Version): Record<string, string> {
  if (!deprecated) return {};
  return {
    deprecation: `@${Math.floor(deprecated.since.getTime() / 1000)}`,
    sunset: deprecated.sunset.toUTCString(),
    link: `</api/${deprecated.successor}/>; rel="successor-version"`,
  };
}

function send(visit: Visit, route: Route, body: Body, extra: Record<string, string>): Promise<void> {
  const { request, response, path, query } = visit;
  const status = statusOf(route, body);
  const pages = route.items && pageLinks(path, query, body.json);
  const text = JSON.stringify(pages ? { ...body.json, _links: pages } : body.json);
  const headers: Record<string, string> = {
    ...visit.headers,
    ...extra,
    'content-type': 'application/json',
    // Copies are the client's own, and asked about before they are used again.
    'cache-control': route.http === 'GET' ? 'private, no-cache' : 'no-store',
  };
  const others = pages ? linkHeader(pages) : '';
  if (others !== '') headers.link = [extra.link, others].filter(Boolean).join(', ');
  if ((status === 201 || status === 202) && body.self !== undefined) headers.location = body.self;
  if (body.resource !== undefined || route.http === 'GET') {
    const tag = entityTag(text, body);
    headers.etag = isCompressed(request, text) ? gzippedTag(tag) : tag;
  }
  const known = route.http === 'GET' && matches(request.headers['if-none-match'], headers.etag ?? '');
  visit.arrival.answered(known ? 304 : status);
  if (known) return reply(request, response, 304, headers, text);
  return reply(request, response, status, headers, status === 204 ? '' : text);
}

function statusOf({ http, template, accepted }: Route, { resource: held }: Body): number {
  if (http === 'DELETE') return 204;
  if (http === 'GET') return 200;
  if (accepted.has(String(held?.status))) return 202;
  const made = http === 'POST' && template.verb === '' && template.variables.length === 0;
  return made ? 201 : 200;
}
