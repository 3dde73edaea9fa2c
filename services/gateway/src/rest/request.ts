import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType, toBinary } from '@bufbuild/protobuf';
import { DomainError, type InvalidArgument } from '@weft/kit/failure';
import { one } from '../edge/arrival.ts';
import type { Visit } from '../http/handler.ts';
import { versionNamed } from './entity-tag.ts';
import { type JsonObject, Malformed, parseObject } from './json-text.ts';
import type { Route } from './routes.ts';
import { expand } from './template.ts';

const MOST_PARAMETERS = 100;

/** The request of a method, encoded, from a path, a query, a body and headers. Throws InvalidArgument that names field and rule. */
export function encodeRequest(
  route: Route,
  variables: ReadonlyMap<string, string>,
  { query, request }: Pick<Visit, 'query' | 'request'>,
  body: Buffer | undefined,
): Uint8Array {
  const { input } = route.method.descriptor;
  let json: JsonObject = {};
  if (route.body === '*' && body) json = transformed(route, parseObject(body));
  else if (route.body !== '' && body) json[route.body] = transformed(route, parseObject(body));
  if (route.body !== '*') addQuery(input, json, query);
  else if (query !== '') throw wrong('', 'query.none', 'this method takes everything from the body');
  for (const [name, value] of variables) bind(input, json, name, value);
  const key = one(request.headers['idempotency-key']);
  if (route.idempotencyKey && key !== undefined)
    addHeader(json, route.idempotencyKey, 'Idempotency-Key', unquoted(key));
  addPrecondition(route, variables, json, request.headers['if-match']);
  try {
    return toBinary(input, fromJson(input, json as JsonValue));
  } catch (error) {
    throw readable(error);
  }
}

const transformed = (route: Route, json: JsonObject): JsonObject => route.incoming?.(json) ?? json;

export const wrong = (field: string, rule: string, description: string) =>
  new Malformed([{ field, rule, description }]);

function addQuery(input: DescMessage, json: JsonObject, query: string): void {
  if (query === '') return;
  const parameters = [...new URLSearchParams(query)];
  if (parameters.length > MOST_PARAMETERS) throw wrong('', 'query.most', `at most ${MOST_PARAMETERS} parameters`);
  for (const [name, value] of parameters) {
    const { field, holder } = place(input, json, name);
    const spoken = fromText(field, value);
    if (field.fieldKind === 'list') {
      const known = holder[field.jsonName];
      holder[field.jsonName] = Array.isArray(known) ? [...known, spoken] : [spoken];
    } else if (Object.hasOwn(holder, field.jsonName)) throw wrong(name.slice(0, 64), 'query.once', 'is there twice');
    else holder[field.jsonName] = spoken;
  }
}

/** What the path says; a body that says otherwise is refused. */
function bind(input: DescMessage, json: JsonObject, name: string, value: string): void {
  const { field, holder } = place(input, json, name);
  const said = holder[field.jsonName] ?? holder[field.name];
  if (said !== undefined && said !== '' && said !== value)
    throw wrong(field.jsonName, 'path.same', 'is not what the path says');
  delete holder[field.name];
  holder[field.jsonName] = fromText(field, value);
}

/** Source: draft-ietf-httpapi-idempotency-key-header: a string of structured fields, which many send without its quotes. */
const unquoted = (text: string): string => (/^"[^"\\]*"$/.test(text) ? text.slice(1, -1) : text);

function addHeader(json: JsonObject, { name, jsonName }: DescField, header: string, value: string): void {
  const said = json[jsonName] ?? json[name];
  if (said !== undefined && said !== '' && String(said) !== value)
    throw wrong(jsonName, 'header.same', `is not what ${header} says`);
  delete json[name];
  json[jsonName] = value;
}

/** Source: RFC 9110, 13.1.1. */
function addPrecondition(
  { http, expectedVersion, template }: Route,
  variables: ReadonlyMap<string, string>,
  json: JsonObject,
  header: string | undefined,
): void {
  if (header === undefined || http === 'GET') return;
  // Whatever there is, which is what a body means that names no version.
  if (expectedVersion !== undefined && header.trim() === '*') return;
  if (expectedVersion === undefined)
    throw wrong('If-Match', 'precondition.unsupported', 'this method knows no condition');
  const path = expand({ ...template, verb: '' }, (field) => variables.get(field)) ?? '';
  const version = versionNamed(header, path);
  if (version === undefined)
    throw new DomainError('aborted', 'VERSION_MISMATCH', 'If-Match is not the entity tag of any version of this');
  addHeader(json, expectedVersion, 'If-Match', version);
}

/** Where a dotted path leads. */
function place(input: DescMessage, json: JsonObject, path: string): { field: DescField; holder: JsonObject } {
  let message: DescMessage | undefined = input;
  let holder = json;
  const names = path.split('.');
  for (const [index, name] of names.entries()) {
    const field: DescField | undefined = message?.fields.find((one) => one.name === name || one.jsonName === name);
    if (!field || field.fieldKind === 'map') break;
    if (index === names.length - 1) return { field, holder };
    if (field.fieldKind !== 'message') break;
    const inner = Object.hasOwn(holder, field.jsonName) ? holder[field.jsonName] : undefined;
    holder[field.jsonName] = typeof inner === 'object' && inner !== null ? inner : {};
    holder = holder[field.jsonName] as JsonObject;
    message = field.message;
  }
  throw wrong(path.slice(0, 64), 'query.unknown', 'is not a parameter of this method');
}

const FLAGS: Readonly<Record<string, boolean>> = { true: true, false: false };

/** Text of a path or a query as ProtoJSON has the value. */
function fromText(field: DescField, text: string): unknown {
  const scalar = field.fieldKind === 'scalar' || field.fieldKind === 'list' ? field.scalar : undefined;
  if (scalar === ScalarType.BOOL) return FLAGS[text] ?? text;
  return text;
}

/** Says which field is wrong, and never its value. */
function readable(error: unknown): InvalidArgument {
  const text = error instanceof Error ? error.message : '';
  const unknown = /key "([^"]{1,64})" is unknown/.exec(text)?.[1];
  if (unknown !== undefined) return wrong(unknown, 'json.unknown', 'is not a field of this request');
  const field = /field [\w.]*?\.(\w{1,64}) from JSON/.exec(text)?.[1] ?? '';
  return wrong(field, 'json.type', 'is not what this field may be');
}
