import { constants, type Http2ServerRequest } from 'node:http2';
import { DomainError, type FieldViolation } from '@weft/kit/failure';
import { Arrival, type ArrivalOptions } from '../edge/arrival.ts';
import { failureOf } from '../edge/failure.ts';
import { corsHeaders } from './cors.ts';
import type { Handle } from './listeners.ts';
import { problemHeaders, problemOf } from './problem.ts';
import { reply } from './reply.ts';
import type { Request, Response } from './request.ts';

export interface Visit {
  readonly request: Request;
  readonly response: Response;
  readonly arrival: Arrival;
  /** Of every response. */
  readonly headers: Record<string, string>;
  /** Of a response that no browser shows. */
  readonly plainHeaders: Record<string, string>;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
}

/** Answers a visit; false where it is somebody else's. */
export type Answerer = (visit: Visit) => Promise<boolean> | boolean;

export interface HandlerOptions extends ArrivalOptions {
  readonly corsOrigins: ReadonlySet<string>;
  readonly answerers: readonly Answerer[];
  /** False from when a stop is announced. */
  readonly isServing: () => boolean;
  readonly onUnexpected: (error: unknown, arrival: Arrival) => void;
}

const SECURITY = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-site',
};
const OVER_TLS = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' };
const MAX_URL = 8192;
/** For the end of an answer to be sent. */
const LINGER_MS = 1_000;

/** What every listener does with a request. */
export function createHandler({
  corsOrigins,
  answerers,
  isServing,
  onUnexpected,
  ...arriving
}: HandlerOptions): Handle {
  async function answer(visit: Visit): Promise<void> {
    for (const answerer of answerers) if (await answerer(visit)) return;
  }
  return (request, response) => {
    const gone = new AbortController();
    response.once('close', () => {
      arrival.answered();
      const reset = 'stream' in request && request.stream.rstCode !== 0;
      if (reset || !response.writableEnded) gone.abort();
    });
    response.on('error', () => gone.abort());
    if ('stream' in request) request.stream.once('finish', () => endUnread(request));
    // HTTP/2 has a frame for it.
    if (!isServing() && request.httpVersionMajor === 1) response.setHeader('connection', 'close');
    const line = { signal: gone.signal, hangUp: () => response.destroy() };
    const arrival = new Arrival(request, line, arriving);
    const url = request.url ?? '/';
    const cut = url.indexOf('?');
    const plainHeaders = { 'x-correlation-id': arrival.correlationId, ...corsHeaders(request, corsOrigins) };
    const visit: Visit = {
      request,
      response,
      arrival,
      headers: {
        ...SECURITY,
        ...('encrypted' in request.socket && request.socket.encrypted ? OVER_TLS : {}),
        ...plainHeaders,
      },
      plainHeaders,
      path: cut === -1 ? url : url.slice(0, cut),
      query: cut === -1 ? '' : url.slice(cut + 1),
    };
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
      response.writeHead(204, visit.headers);
      response.end();
      return;
    }
    const wrong = wrongWith(request);
    if (wrong) {
      refuse(visit, wrong, onUnexpected).catch(() => response.destroy());
      return;
    }
    answer(visit).catch((error: unknown) => refuse(visit, error, onUnexpected));
  };
}

/** What no part of a request's headers may be. */
function wrongWith({ url = '', headers, rawHeaders }: Request): DomainError | undefined {
  if (url.length > MAX_URL)
    return new DomainError('invalid-argument', 'URI_TOO_LONG', `must not be longer than ${MAX_URL}`);
  // Another server on the way may have taken another of them. Source: RFC 9112, 3.2; RFC 9113, 8.3.1.
  const { ':authority': authority = headers.host, host = authority } = headers;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
  return hosts > 1 || host !== authority
    ? new DomainError('invalid-argument', 'MALFORMED', 'a request has one host')
    : undefined;
}

/** Who has an answer has nothing more to send; what still comes would hold its stream open. Source: RFC 9113, 8.1. */
function endUnread({ complete, stream }: Http2ServerRequest): void {
  if (complete || stream.endAfterHeaders || stream.closed) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS).unref();
  stream.once('close', () => clearTimeout(timer));
}

/** Answers with what went wrong, in the manner of REST. */
export async function refuse(
  { request, response, arrival, headers, path }: Visit,
  error: unknown,
  onUnexpected: HandlerOptions['onUnexpected'],
  extra: Record<string, string> = {},
  named: (violations: readonly FieldViolation[]) => readonly FieldViolation[] = (violations) => violations,
): Promise<void> {
  const found = failureOf(error);
  const failure = { ...found, violations: named(found.violations) };
  if (failure.unexpected) onUnexpected(error, arrival);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const problem = problemOf(failure, arrival.correlationId, path.slice(0, 200));
  arrival.answered(problem.status);
  // What has not been read of the body will not be.
  const unread = !request.readableEnded && request.method !== 'GET' && request.httpVersionMajor === 1;
  const all = { ...headers, ...extra, ...problemHeaders(failure), ...(unread && { connection: 'close' }) };
  await reply(request, response, problem.status, all, JSON.stringify(problem));
}
