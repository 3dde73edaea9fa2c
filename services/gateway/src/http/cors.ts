import type { Request } from './request.ts';

const EXPOSED =
  'etag, link, location, retry-after, ratelimit, ratelimit-policy, x-correlation-id, deprecation, sunset, age, warning, ' +
  'grpc-status, grpc-message, grpc-status-details-bin';
const ALLOWED =
  'authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-correlation-id, traceparent, ' +
  'connect-protocol-version, connect-timeout-ms, grpc-timeout, x-grpc-web, x-user-agent';

/** What a page of another origin may do; nothing unless its origin is named. Source: Fetch Standard, CORS protocol. */
export function corsHeaders(request: Request, origins: ReadonlySet<string>): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined || origins.size === 0) return {};
  if (!origins.has(origin) && !origins.has('*')) return { vary: 'origin' };
  const allowed = { 'access-control-allow-origin': origin, vary: 'origin', 'access-control-expose-headers': EXPOSED };
  if (request.method !== 'OPTIONS') return allowed;
  return {
    ...allowed,
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers': ALLOWED,
    'access-control-max-age': '7200',
  };
}
