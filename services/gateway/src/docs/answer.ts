import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Answerer, Visit } from '../http/handler.ts';
import { matches } from '../http/match.ts';
import { acceptsGzip, reply } from '../http/reply.ts';
import { documentPage, PAGE_POLICY } from './page.ts';

/** A document as it is sent, made once. */
interface Document {
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  /** Weak: it is of both. */
  readonly tag: string;
}

const PAGE = '/docs';
const compressed = promisify(gzip);

/**
 * The OpenAPI documents as they were generated, and /docs, a page that shows them without anything from elsewhere.
 * @param texts by path, the current version's first; each is read and compressed once, when it is first asked for
 */
export function answerDocs(texts: Readonly<Record<string, () => Promise<string>>>): Answerer {
  const sources = new Map([...Object.entries(texts), [PAGE, async () => documentPage(Object.keys(texts))]]);
  const documents = new Map<string, Document>();
  return async (visit) => {
    const { request, path } = visit;
    const source = sources.get(path);
    if (!source || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
    const document = documents.get(path) ?? (await documentOf(await source()));
    documents.set(path, document);
    await send(visit, document, path === PAGE ? PAGE_HEADERS : DOCUMENT_HEADERS);
    return true;
  };
}

const PAGE_HEADERS = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': PAGE_POLICY };
const DOCUMENT_HEADERS = { 'content-type': 'application/json' };

async function documentOf(text: string): Promise<Document> {
  const plain = Buffer.from(text);
  const tag = `W/"${hash('sha256', plain, 'base64url').slice(0, 16)}"`;
  return { plain, gzipped: await compressed(plain), tag };
}

async function send(
  { request, response, headers }: Visit,
  { plain, gzipped, tag }: Document,
  extra: Record<string, string>,
): Promise<void> {
  const all = { ...headers, ...extra, 'cache-control': 'no-cache', etag: tag };
  if (matches(request.headers['if-none-match'], tag)) return reply(request, response, 304, all, '', 'identity');
  const takes = acceptsGzip(request);
  return reply(request, response, 200, all, takes ? gzipped : plain, takes ? 'gzip' : 'identity');
}
