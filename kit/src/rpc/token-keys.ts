import { createRemoteJWKSet, customFetch, type RemoteJWKSet } from 'jose';

/** One try. Where keys are served pods come and go, and one that is gone answers nothing: the next try has still to come in time for who waits. */
const TRY_MS = 500;
const TRIES = 3;
/** Keys that could not be renewed for so long are none. */
const MAX_AGE_MS = 15 * 60_000;

export interface TokenKeysOptions {
  /** Where the keys are served (RFC 7517). */
  readonly jwksUrl: string;
  /** An OpenID provider, which says where its keys are instead; empty: none. */
  readonly oidcIssuer: string;
}

/** The keys by which access tokens are verified, fetched when they are first asked for, and when a token names one that is not known. */
export class TokenKeys {
  readonly #options: TokenKeysOptions;
  // With the first token: it loads what fetches the keys, which takes 40 ms.
  #keys: Promise<RemoteJWKSet> | undefined;

  constructor(options: TokenKeysOptions) {
    this.#options = options;
  }

  /** Rejects where an OpenID provider does not say where its keys are; it is asked again by whoever comes next. */
  get(): Promise<RemoteJWKSet> {
    this.#keys ??= this.#find().catch((error: unknown) => {
      this.#keys = undefined;
      throw error;
    });
    return this.#keys;
  }

  /** Fetches them now, so that nobody has to wait for them. */
  async renew(): Promise<void> {
    await (await this.get()).reload();
  }

  async #find(): Promise<RemoteJWKSet> {
    const { jwksUrl, oidcIssuer } = this.#options;
    const url = oidcIssuer === '' ? new URL(jwksUrl) : await discoverKeys(oidcIssuer);
    return createRemoteJWKSet(url, {
      timeoutDuration: TRIES * TRY_MS,
      cooldownDuration: 1000,
      cacheMaxAge: MAX_AGE_MS,
      [customFetch]: fetchAgain,
    });
  }
}

/** As fetch, and again where no answer comes soon. */
async function fetchAgain(url: string, options: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetch(url, { ...options, signal: AbortSignal.any([options.signal, AbortSignal.timeout(TRY_MS)]) });
    } catch (error) {
      const silent = error instanceof DOMException && error.name === 'TimeoutError';
      if (!silent || options.signal.aborted || attempt === TRIES) throw error;
    }
  }
}

/** Where an OpenID provider has its keys. Source: OpenID Connect Discovery 1.0, section 4. */
async function discoverKeys(issuer: string): Promise<URL> {
  const where = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(where, { signal: AbortSignal.timeout(2000), redirect: 'error' });
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  // What another one says about itself is not this one's.
  if (document.issuer !== issuer || typeof document.jwks_uri !== 'string')
    throw new Error('the OpenID provider does not say where its keys are');
  return new URL(document.jwks_uri);
}
