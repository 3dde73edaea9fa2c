import { DomainError } from '@weft/kit/failure';
import type { Answerer } from '../http/handler.ts';
import { reply } from '../http/reply.ts';

const WITHIN_MS = 2_000;
/** A new key is published minutes before it signs. */
const FRESH_SECONDS = 60;
/** So long what was read last stands in while nobody answers. */
const STALE_MS = 3_600_000;
const MOST_BYTES = 65_536;

export interface KeysOptions {
  /** Where users publishes them. Undefined where the tokens are those of another provider, which publishes its own. */
  readonly url: string | undefined;
  readonly now: () => number;
}

/** /.well-known/jwks.json, the keys that verify access tokens, for those who cannot reach users. Source: RFC 7517. */
export function answerKeys({ url, now }: KeysOptions): Answerer {
  let kept: { readonly text: string; readonly at: number } | undefined;
  let reading: Promise<string> | undefined;

  async function read(from: string): Promise<string> {
    const response = await fetch(from, { signal: AbortSignal.timeout(WITHIN_MS), redirect: 'error' });
    const text = await response.text();
    const keys = response.ok && text.length <= MOST_BYTES ? (JSON.parse(text) as { keys?: unknown }).keys : undefined;
    if (!Array.isArray(keys)) throw new Error('these are no keys');
    kept = { text, at: now() };
    return text;
  }

  async function keysOf(from: string): Promise<string> {
    if (kept && now() - kept.at < FRESH_SECONDS * 1000) return kept.text;
    reading ??= read(from).finally(() => {
      reading = undefined;
    });
    try {
      return await reading;
    } catch {
      if (kept && now() - kept.at < STALE_MS) return kept.text;
      throw new DomainError('unavailable', 'KEYS_AWAY', 'the keys cannot be read at the moment');
    }
  }

  return async ({ request, response, headers, path }) => {
    if (path !== '/.well-known/jwks.json' || url === undefined) return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const caching = { 'cache-control': `public, max-age=${FRESH_SECONDS}`, 'content-type': 'application/jwk-set+json' };
    await reply(request, response, 200, { ...headers, ...caching }, await keysOf(url));
    return true;
  };
}
