import { type DescField, type DescMethod, type DescService, getOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { method as methodPolicy, Role } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { exampleOf } from './example.ts';
import type { Binding } from './http.ts';
import { responses } from './responses.ts';
import { isRequired } from './rules.ts';
import { given, type Json, type Schema } from './schema.ts';
import type { Schemas } from './schemas.ts';
import { textOf } from './text.ts';
import type { View, Writing } from './writing.ts';

const KEY_FIELD = 'idempotency_key';
const RESUME_FIELD = 'resume_token';
const VERSION_FIELD = 'expected_version';
const PAGE_FIELD = 'page_token';

/** One operation of the document. */
export function operation(
  service: DescService,
  method: DescMethod,
  binding: Binding,
  operationId: string,
  writing: Writing,
): Schema {
  const { schemas, version } = writing;
  const text = textOf(method);
  const [summary = ''] = text.split(/(?<=\.)\s/);
  const roles = getOption(method, methodPolicy).roles.map((role) => Role[role].toLowerCase());
  const open = roles.includes('public');
  const key = method.input.fields.find(({ name }) => name === KEY_FIELD);
  const resume = method.input.fields.find(({ name }) => name === RESUME_FIELD);
  const elsewhere = new Set([...binding.pathFields.map(({ name }) => name), KEY_FIELD, VERSION_FIELD]);
  const inQuery =
    binding.body === '*' ? [] : method.input.fields.filter(({ name }) => !elsewhere.has(name) && name !== binding.body);
  const parameters = [
    ...binding.pathFields.map((field) => parameter('path', field, schemas)),
    ...inQuery.flatMap((field) => queryParameters(field, schemas)),
    ...viewParameter(writing.viewsOf(method), binding),
    ...(key ? [keyParameter(key, schemas)] : []),
    ...(resume && method.methodKind === 'server_streaming' ? [lastEventParameter(resume, schemas)] : []),
    ...(method.input.fields.some(({ name }) => name === VERSION_FIELD)
      ? [{ $ref: '#/components/parameters/IfMatch' }]
      : []),
    ...(binding.verb === 'get' && method.methodKind === 'unary'
      ? [{ $ref: '#/components/parameters/IfNoneMatch' }]
      : []),
    { $ref: '#/components/parameters/CorrelationId' },
  ];
  return given({
    operationId,
    tags: [tagOf(service)],
    summary,
    description: open ? text : `${text}\n\nFor: ${roles.join(', ')}.`,
    deprecated: version.deprecated || method.proto.options?.deprecated ? true : undefined,
    parameters,
    requestBody: requestBody(method, binding, elsewhere, operationId, schemas),
    responses: responses(method, binding, text, !open, writing),
    security: open ? [] : [{ bearer: [] }],
    'x-roles': roles,
    'x-idempotent': method.idempotency !== IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    'x-grpc-method': `${service.typeName}/${method.name}`,
  });
}

export const tagOf = (service: DescService): string => service.name.replace(/Service$/, '');

function parameter(where: 'path' | 'query', field: DescField, schemas: Schemas, name = field.jsonName): Json {
  const { description, deprecated, ...schema } = schemas.field(field, 'request');
  const required = where === 'path' || isRequired(field);
  return given({
    name,
    in: where,
    description,
    deprecated,
    required: required ? true : undefined,
    // Whatever else there is, an earlier page has given.
    example: field.name === PAGE_FIELD ? '' : undefined,
    // An empty segment is another path.
    schema:
      where === 'path' && !('minLength' in schema) && schema.type === 'string' ? { minLength: 1, ...schema } : schema,
  });
}

function queryParameters(field: DescField, schemas: Schemas): Json[] {
  const nested = field.fieldKind === 'message' && !field.message.typeName.startsWith('google.protobuf.');
  if (!nested) return [parameter('query', field, schemas)];
  return field.message.fields.map((inner) => parameter('query', inner, schemas, `${field.jsonName}.${inner.jsonName}`));
}

function viewParameter(views: readonly View[], { verb }: Binding): Json[] {
  if (views.length === 0 || verb !== 'get') return [];
  const description = views.map((view) => `\`${view.name}\`: ${view.description}.`).join(' ');
  return [
    {
      name: 'view',
      in: 'query',
      description,
      schema: { type: 'string', enum: ['basic', ...views.map((v) => v.name)] },
    },
  ];
}

function keyParameter(field: DescField, schemas: Schemas): Json {
  const { description, ...schema } = schemas.field(field, 'request');
  return given({
    name: 'Idempotency-Key',
    in: 'header',
    description,
    required: isRequired(field),
    schema: headerSchema(schema),
    example: '0b6e4a5c-8d3f-4c55-9a38-2f1f6f0c7d10',
  });
}

function lastEventParameter(field: DescField, schemas: Schemas): Json {
  const { description: _, ...schema } = schemas.field(field, 'request');
  return {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'Id of the last event that was seen, to go on after it, whatever `resumeToken` says.',
    schema: headerSchema(schema),
  };
}

/** A header's characters are its own matter. */
function headerSchema({ pattern: _, ...schema }: Schema): Schema {
  return schema;
}

function requestBody(
  method: DescMethod,
  { body, verb }: Binding,
  elsewhere: ReadonlySet<string>,
  operationId: string,
  schemas: Schemas,
): Json | undefined {
  if (body === '' || verb === 'get') return undefined;
  const field = method.input.fields.find(({ name }) => name === body);
  const name = `${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}Body`;
  const whole = field ? schemas.field(field, 'request') : schemas.message(method.input, 'request', elsewhere);
  const schema = field ? whole : schemas.add(name, whole);
  const required = field ? isRequired(field) : 'required' in whole;
  const example = exampleOf(whole, schemas.all());
  return { required, content: { 'application/json': { schema, examples: { example: { value: example } } } } };
}
