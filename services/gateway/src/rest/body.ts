import { hash } from 'node:crypto';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import type { User } from '@weft/kit/rpc';
import type { JsonObject } from './json-text.ts';
import type { LinksOf } from './links.ts';
import type { Route } from './routes.ts';

export interface Body {
  readonly json: JsonObject;
  /** Where the resource is that it holds. */
  readonly self: string | undefined;
  readonly resource: JsonObject | undefined;
}

/** A response as JSON, with what can be done next. */
export function bodyOf(route: Route, bytes: Uint8Array, user: User | undefined, linksOf: LinksOf): Body {
  const { method, responseBody, resource: held, version } = route;
  const { output } = method.descriptor;
  const whole = toJson(output, fromBinary(output, bytes)) as JsonObject;
  const json = responseBody ? ((whole[responseBody.jsonName] ?? {}) as JsonObject) : whole;
  const resource = held && (held.field === '' ? json : (json[held.field] as JsonObject | undefined));
  const { links, self } =
    resource && held ? linksOf(held.type, resource, user?.roles ?? [], version.name) : { links: {}, self: undefined };
  const named = route.outgoing?.(json) ?? json;
  return { json: Object.keys(links).length > 0 ? { ...named, _links: links } : named, self, resource };
}

/** `"v5.Yw3…"`: the version of what it is of, for If-Match, and a hash of all that was said of it. */
export function entityTag(text: string, resource: JsonObject | undefined): string {
  const version = /^\d{1,18}$/.test(String(resource?.version)) ? String(resource?.version) : '0';
  return `"v${version}.${hash('sha1', text, 'base64url').slice(0, 16)}"`;
}
