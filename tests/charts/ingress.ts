import type { KubeObject } from './render.ts';

interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}
interface Match {
  readonly uri: StringMatch;
  readonly headers?: Readonly<Record<string, StringMatch>>;
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>>;
}
interface Route {
  readonly match: readonly Match[];
  readonly route: readonly { readonly destination: { readonly host: string } }[];
}

/** Header by name, in lower case. */
export type Headers = Readonly<Record<string, string>>;

function fits({ exact, prefix, regex }: StringMatch, text: string): boolean {
  if (exact !== undefined) return text === exact;
  if (prefix !== undefined) return text.startsWith(prefix);
  return new RegExp(`^(?:${regex})$`).test(text);
}

const has = (headers: Headers, matches: Match['headers'] = {}) =>
  Object.entries(matches).map(([name, match]) => headers[name] !== undefined && fits(match, headers[name]));

/** Whom a request from outside is for: all whose routes it fits, as Istio reads them; one is right. */
export function wayIn(objects: readonly KubeObject[], path: string, headers: Headers): string[] {
  const routes = objects
    .filter(({ kind, spec }) => kind === 'VirtualService' && (spec.gateways ?? ['mesh'])[0] !== 'mesh')
    .map(({ spec }) => spec.http as readonly Route[]);
  const taken = (match: Match) =>
    fits(match.uri, path) &&
    has(headers, match.headers).every(Boolean) &&
    !has(headers, match.withoutHeaders).some(Boolean);
  return routes.flatMap((one) => {
    const found = one.find(({ match }) => match.some(taken));
    return found ? [found.route[0]?.destination.host.split('.')[0] ?? ''] : [];
  });
}
