import { fromBinary, toJson } from '@bufbuild/protobuf';
import type { User } from '@weft/kit/rpc';
import type { JsonObject } from './json-text.ts';
import type { Links, LinksOf } from './links.ts';
import type { Items, Route } from './routes.ts';

export interface Body {
  readonly json: JsonObject;
  /** Where the resource is that it holds. */
  readonly self: string | undefined;
  readonly resource: JsonObject | undefined;
}

/** A response as JSON, with what can be done next: with it, or with each that a page holds. */
export function bodyOf(route: Route, bytes: Uint8Array, user: User | undefined, linksOf: LinksOf): Body {
  const { method, responseBody, resource: held, items, version } = route;
  const roles = user?.roles ?? [];
  const { output } = method.descriptor;
  const whole = toJson(output, fromBinary(output, bytes)) as JsonObject;
  const json = responseBody ? ((whole[responseBody.jsonName] ?? {}) as JsonObject) : whole;
  const resource = held && (held.field === '' ? json : (json[held.field] as JsonObject | undefined));
  const { links, self } =
    resource && held ? linksOf(held.type, resource, roles, version.name) : { links: {}, self: undefined };
  for (const item of items ? ((json[items.field] ?? []) as JsonObject[]) : [])
    offer(item, linksOf((items as Items).type, item, roles, version.name).links);
  return { json: offer({ ...(route.outgoing?.(json) ?? json) }, links), self, resource };
}

function offer(json: JsonObject, links: Links): JsonObject {
  if (Object.keys(links).length > 0) json._links = links;
  return json;
}
