import type { JsonObject } from './json-text.ts';

/** Where the next page is, and the first. Source: RFC 8288. */
export function pageLinks(path: string, query: string, json: JsonObject): string {
  const next = json.nextPageToken;
  const parameters = new URLSearchParams(query);
  const here = parameters.has('page_token') || parameters.has('pageToken');
  parameters.delete('pageToken');
  parameters.delete('page_token');
  const first = parameters.size === 0 ? path : `${path}?${parameters}`;
  const links: string[] = [];
  if (typeof next === 'string' && next !== '') {
    parameters.set('page_token', next);
    links.push(`<${path}?${parameters}>; rel="next"`);
  }
  if (here) links.push(`<${first}>; rel="first"`);
  return links.join(', ');
}
