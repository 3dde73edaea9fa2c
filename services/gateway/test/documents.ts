import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Sent } from './fixture.ts';

interface Response {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Record<string, Response> }>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, Response>>;
  };
}

/** What a deprecated version says of itself with every answer. */
const OF_A_VERSION = ['Deprecation', 'Sunset'];

/** What keeps an answer from being one that the document of its version describes; empty where nothing does. */
export type Differences = (verb: string, path: string, answer: Sent) => readonly string[];

/** A document as a client takes it: what an answer has and its schema has not is a difference as well. */
export function readDocument(file: string): Differences {
  const text = readFileSync(join(import.meta.dirname, '../../../gen/openapi', file), 'utf8');
  const document = JSON.parse(text) as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // The default export of a CommonJS module, as Node and TypeScript see it.
  (addFormats as unknown as (to: Ajv2020) => void)(ajv);
  const schemas = Object.fromEntries(
    Object.entries(document.components.schemas).map(([name, one]) => [name, closed(one)]),
  );
  ajv.addSchema({ $id: 'weft', components: { ...document.components, schemas } });
  return (verb, path, { status, headers, json }) => {
    const found = document.paths[path]?.[verb]?.responses[status];
    if (!found) return [`${verb} ${path} has no ${status}`];
    const response = found.$ref
      ? (document.components.responses[found.$ref.split('/').at(-1) ?? ''] as Response)
      : found;
    const missing = OF_A_VERSION.filter((name) => response.headers?.[name] && !headers.has(name));
    const type = (headers.get('content-type') ?? '').split(';')[0] ?? '';
    const media = response.content?.[type];
    if (!media) return [...missing.map((name) => `no ${name}`), ...(response.content ? [`no ${type}`] : [])];
    const accepts = ajv.compile(JSON.parse(JSON.stringify(media.schema).replaceAll('"#/', '"weft#/')) as object);
    accepts(json);
    return [
      ...missing.map((name) => `no ${name}`),
      ...(accepts.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      ),
    ];
  };
}

function closed(schema: object): object {
  return 'properties' in schema && !('additionalProperties' in schema)
    ? { ...schema, additionalProperties: false }
    : schema;
}
