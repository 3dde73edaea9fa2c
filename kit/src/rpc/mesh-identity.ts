import type { Metadata } from '@grpc/grpc-js';

/** In it the sidecars tell which certificates a request came by, the last of them being the receiver's own word. */
const CERTIFICATE_HEADER = 'x-forwarded-client-cert';

const MAX_HEADER = 16_384;
const MAX_REMEMBERED = 1000;
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})\/ns\/([a-z0-9-]{1,63})\/sa\/([a-z][a-z0-9-]{0,62})$/;

/** Whose service accounts are services of this system. */
export interface MeshTrust {
  readonly trustDomain: string;
  readonly namespace: string;
}

/** Tells which service makes a call, or undefined where nothing proves it. */
export type CallerIdentity = (metadata: Metadata, call: { getPeer(): string }) => string | undefined;

/**
 * The service that calls, by the certificate that this pod's own sidecar has verified: the last element of
 * x-forwarded-client-cert. What stands before it was written by whoever sent the request. A header that cannot be read to its
 * end proves nothing. Source: Envoy, HTTP header manipulation, x-forwarded-client-cert.
 */
export function meshCallers(trust: MeshTrust): CallerIdentity {
  // A connection's header is the same with every call.
  const remembered = new Map<string, string | undefined>();
  return (metadata) => {
    const values = metadata.get(CERTIFICATE_HEADER);
    const header = values.length === 1 ? values[0] : values.join(',');
    if (typeof header !== 'string' || header === '' || header.length > MAX_HEADER) return undefined;
    const known = remembered.get(header);
    if (known !== undefined || remembered.has(header)) return known;
    const caller = callerOf(header, trust);
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value as string);
    remembered.set(header, caller);
    return caller;
  };
}

function callerOf(header: string, { trustDomain, namespace }: MeshTrust): string | undefined {
  const element = split(header, ',')?.at(-1);
  const pairs = element === undefined ? undefined : split(element.trim(), ';');
  const uris = pairs?.filter((pair) => pair.startsWith('URI=')).map((pair) => unquoted(pair.slice('URI='.length)));
  // A certificate of the mesh has one.
  if (uris?.length !== 1) return undefined;
  const [, domain, area, account] = SPIFFE_ID.exec(uris[0] as string) ?? [];
  return domain === trustDomain && area === namespace ? account : undefined;
}

/** The parts of a text between separators that are not in quotes; undefined when its quotes do not end. */
function split(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (character === '\\' && quoted) at++;
    else if (character === separator && !quoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  if (quoted) return undefined;
  return [...parts, text.slice(from)];
}

const unquoted = (value: string): string => (/^".*"$/.test(value) ? value.slice(1, -1) : value);
