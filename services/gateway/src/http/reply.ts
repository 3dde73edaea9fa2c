import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Request, Response } from './request.ts';

const WORTH_BYTES = 1024;
const gzipped = promisify(gzip);

/**
 * Ends a response with a body, compressed where that is worth it and the client takes it.
 * @param headers the response's own: those of its body are added
 * @param encoded how the body is encoded already
 */
export async function reply(
  request: Request,
  response: Response,
  status: number,
  headers: Record<string, string>,
  body: string | Buffer,
  encoded?: 'gzip' | 'identity',
): Promise<void> {
  const empty = status === 204 || status === 304;
  const compresses = !empty && encoded === undefined && isCompressed(request, body);
  const bytes = compresses ? await gzipped(body) : body;
  const length = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
  // The client has gone away, or another part has answered.
  if (response.headersSent || response.destroyed) return;
  if (compresses || encoded === 'gzip') headers['content-encoding'] = 'gzip';
  if (body.length >= WORTH_BYTES || encoded !== undefined)
    headers.vary = [headers.vary, 'accept-encoding'].filter(Boolean).join(', ');
  if (!empty) headers['content-length'] = String(length);
  response.writeHead(status, headers);
  if (request.method === 'HEAD' || empty) response.end();
  // Characters that are a byte each need no encoding.
  else response.end(bytes, length === body.length ? 'latin1' : 'utf8');
}

/** Whether this client is answered with this body compressed, unless it is encoded already. */
export const isCompressed = (request: Request, body: string | Buffer): boolean =>
  body.length >= WORTH_BYTES && acceptsGzip(request);

/** Whether a client takes what is compressed. */
export const acceptsGzip = (request: Request): boolean =>
  /\bgzip\b(?!\s*;\s*q=0(?![.\d]*[1-9]))/.test(accepted(request));

const MAX_HEADER = 256;

const accepted = ({ headers }: Request): string => String(headers['accept-encoding'] ?? '').slice(0, MAX_HEADER);
