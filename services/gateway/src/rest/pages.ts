import type { JsonObject } from './json-text.ts';
import type { Links } from './links.ts';

/** Where a page is, the next one, and the first unless it is that one. Source: draft-kelly-json-hal, 4.1.1. */
export function pageLinks(path: string, query: string, json: JsonObject): Links {
  const next = json.nextPageToken;
  const parameters = new URLSearchParams(query);
  const place = () => ({ href: parameters.size === 0 ? path : `${path}?${parameters}` });
  const self = place();
  const later = parameters.has('page_token') || parameters.has('pageToken');
  parameters.delete('pageToken');
  parameters.delete('page_token');
  const first = later && { first: place() };
  if (typeof next !== 'string' || next === '') return { self, ...first };
  parameters.set('pageToken', next);
  return { self, next: place(), ...first };
}

/** The same of other pages as a Link header. Source: RFC 8288. */
export const linkHeader = ({ self: _, ...others }: Links): string =>
  Object.entries(others)
    .map(([rel, { href }]) => `<${href}>; rel="${rel}"`)
    .join(', ');
