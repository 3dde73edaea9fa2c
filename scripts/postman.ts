import { createHash } from 'node:crypto';

/** What is read of an OpenAPI document. */
export interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly parameters: Readonly<Record<string, Parameter>> };
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: {
    readonly content: {
      readonly 'application/json': { readonly examples: { readonly example: { readonly value: unknown } } };
    };
  };
  readonly security: readonly object[];
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description?: string;
  readonly required?: boolean;
  readonly example?: unknown;
  readonly schema: { readonly examples?: readonly unknown[] };
}

// What one request finds out, the others use.
const KEEP_TOKENS = [
  'const answer = pm.response.code === 200 ? pm.response.json() : {};',
  "if (answer.accessToken) pm.collectionVariables.set('accessToken', answer.accessToken);",
  "if (answer.refreshToken) pm.collectionVariables.set('refreshToken', answer.refreshToken);",
];
const SIGNS_IN = new Set(['login', 'refreshToken']);
const GENERATED: Readonly<Record<string, string>> = { 'Idempotency-Key': '{{$guid}}' };

/** A Postman collection (2.1) of a document: a folder a tag, a request an operation, signed in by Login. */
export function postmanCollection(document: Document) {
  const requests = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })),
  );
  const name = `${document.info.title} v${document.info.version}`;
  return {
    info: {
      name,
      description: document.info.description,
      _postman_id: idOf(name),
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{accessToken}}', type: 'string' }] },
    variable: [
      { key: 'baseUrl', value: 'http://127.0.0.1:8080' },
      { key: 'accessToken', value: '' },
      { key: 'refreshToken', value: '' },
    ],
    item: document.tags.map(({ name, description }) => ({
      name,
      description,
      item: requests
        .filter(({ operation }) => operation.tags.includes(name))
        .map(({ path, verb, operation }) => item(document, path, verb, operation)),
    })),
  };
}

function item(document: Document, path: string, verb: string, operation: Operation) {
  const parameters = operation.parameters.map((one) =>
    '$ref' in one ? (document.components.parameters[one.$ref.split('/').at(-1) ?? ''] as Parameter) : one,
  );
  const of = (where: Parameter['in']) => parameters.filter((one) => one.in === where).map(entry);
  // A variable of Postman is a whole segment: of `{orderId}:cancel` it can be a part only as a variable of the collection.
  const segments = path
    .slice(1)
    .replaceAll(/\{(\w+)\}(?=:)/g, '{{$1}}')
    .replaceAll(/(?<!\{)\{(\w+)\}/g, ':$1')
    .split('/');
  const body = operation.requestBody?.content['application/json'].examples.example.value;
  const sent = operation.operationId === 'refreshToken' || operation.operationId === 'logout';
  return {
    name: operation.summary.replace(/\.$/, ''),
    request: {
      method: verb.toUpperCase(),
      description: operation.description,
      header: [...of('header'), ...(body === undefined ? [] : [{ key: 'Content-Type', value: 'application/json' }])],
      url: {
        raw: `{{baseUrl}}/${segments.join('/')}`,
        host: ['{{baseUrl}}'],
        path: segments,
        query: of('query'),
        variable: of('path').map(({ key, value, description }) => ({ key, value, description })),
      },
      ...(body !== undefined && {
        body: {
          mode: 'raw',
          raw: JSON.stringify(sent ? { ...(body as object), refreshToken: '{{refreshToken}}' } : body, null, 2),
          options: { raw: { language: 'json' } },
        },
      }),
      ...(operation.security.length === 0 && { auth: { type: 'noauth' } }),
    },
    ...(SIGNS_IN.has(operation.operationId) && {
      event: [{ listen: 'test', script: { type: 'text/javascript', exec: KEEP_TOKENS } }],
    }),
  };
}

function entry({ name, description = '', required = false, example, schema }: Parameter) {
  const value = GENERATED[name] ?? String(example ?? schema.examples?.[0] ?? '');
  return { key: name, value: required ? value : '', description, ...(!required && { disabled: true }) };
}

/** The same collection at each build: Postman replaces the one that it has. */
function idOf(name: string): string {
  const hex = createHash('sha256').update(`weft:${name}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
