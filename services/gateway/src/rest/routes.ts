import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { acceptedOf, httpRules } from '../clients/contracts.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import { incoming, outgoing, type Transform } from '../versions/transform.ts';
import type { Version } from '../versions/version.ts';
import { Router } from './router.ts';
import type { Template } from './template.ts';

/** One binding of a method in one version. */
export interface Route {
  readonly method: EdgeMethod;
  readonly version: Version;
  readonly http: string;
  readonly template: Template;
  /** As it is written: `/api/v2/orders/{order_id}`. */
  readonly path: string;
  /** `*`, the local name of a field, or empty. */
  readonly body: string;
  /** The field that the response's body is; undefined: all of it. */
  readonly responseBody: DescField | undefined;
  readonly incoming: Transform | undefined;
  readonly outgoing: Transform | undefined;
  /** The field of the request that the header Idempotency-Key fills. */
  readonly idempotencyKey: DescField | undefined;
  /** The field of the request that If-Match fills. */
  readonly expectedVersion: DescField | undefined;
  /** States of the resource in which what was asked goes on: 202. */
  readonly accepted: ReadonlySet<string>;
  /** The resource that the response holds. */
  readonly resource: Resource | undefined;
  /** What a page of a list holds. */
  readonly items: Items | undefined;
}

/** The messages of a page. */
export interface Items {
  /** JSON name in the response. */
  readonly field: string;
  readonly type: string;
}

/** The one message of a response that has an identity of its own. */
export interface Resource {
  /** JSON name in the response; empty where the response is it. */
  readonly field: string;
  readonly type: string;
  readonly versioned: boolean;
}

/** `/v1/orders` of a contract is `/api/v2/orders`: the version in a contract is its package's, that of the path is the API's. */
export const apiPath = (version: Version, path: string): string => path.replace(/^\/v\d+\//, `/api/${version.name}/`);

/** Every route of every version. Throws where two bindings are the same, or one names a field that is not there. */
export function routesOf(methods: Iterable<EdgeMethod>, versions: readonly Version[]) {
  const router = new Router<Route>();
  const routes: Route[] = [];
  const all = [...methods];
  for (const version of versions) {
    for (const method of all) {
      for (const rule of httpRules(method.descriptor)) {
        const { case: kind, value } = rule.pattern;
        if (kind === undefined) continue;
        const [http, path] = kind === 'custom' ? [value.kind, value.path] : [kind.toUpperCase(), value];
        const route = routeOf(method, version, http, rule);
        const full = apiPath(version, path);
        const template = router.add(http, full, route as Route);
        Object.assign(route, { template, path: full });
        routes.push(route as Route);
      }
    }
  }
  return { router, routes };
}

function routeOf(
  method: EdgeMethod,
  version: Version,
  http: string,
  { body, responseBody }: { body: string; responseBody: string },
): Omit<Route, 'template' | 'path'> {
  const { input, output } = method.descriptor;
  const part = responseBody === '' ? undefined : fieldOf(output, responseBody);
  return {
    method,
    version,
    http,
    body: body === '' || body === '*' ? body : fieldOf(input, body).jsonName,
    responseBody: part,
    incoming: incoming(version, body !== '' && body !== '*' ? (fieldOf(input, body).message ?? input) : input),
    outgoing: outgoing(version, part?.message ?? output),
    idempotencyKey: input.fields.find(({ name }) => name === 'idempotency_key'),
    expectedVersion: input.fields.find(({ name }) => name === 'expected_version'),
    accepted: acceptedOf(method.descriptor),
    resource: resourceOf(part?.message ?? output, part !== undefined),
    items: part ? undefined : itemsOf(output),
  };
}

function resourceOf(output: DescMessage, itself: boolean): Resource | undefined {
  const versioned = (message: DescMessage) => message.fields.some(({ name }) => name === 'version');
  if (itself) return { field: '', type: output.typeName, versioned: versioned(output) };
  const field = output.fields.findLast((one) => one.fieldKind === 'message' && versioned(one.message));
  return field?.message && { field: field.jsonName, type: field.message.typeName, versioned: true };
}

function itemsOf({ fields }: DescMessage): Items | undefined {
  if (!fields.some(({ name }) => name === 'next_page_token')) return undefined;
  const field = fields.find((one) => one.fieldKind === 'list' && one.message);
  return field?.message && { field: field.jsonName, type: field.message.typeName };
}

export function fieldOf(message: DescMessage, name: string): DescField {
  const field = message.fields.find((one) => one.name === name || one.jsonName === name);
  if (!field) throw new Error(`${message.typeName} has no field ${name}`);
  return field;
}
