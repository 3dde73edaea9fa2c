import {
  create,
  createFileRegistry,
  type DescService,
  fromBinary,
  type MessageInitShape,
  setExtension,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { expect, it } from '@jest/globals';
import { http } from '@weft/gen/es/google/api/annotations_pb';
import { HttpRuleSchema } from '@weft/gen/es/google/api/http_pb';
import { MethodPolicySchema, method as policy, Role } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { versions } from '../src/clients/versions.ts';
import { edgeMethods } from '../src/edge/methods.ts';
import { bodyOf } from '../src/rest/body.ts';
import { namedFor } from '../src/rest/field-names.ts';
import { encodeRequest } from '../src/rest/request.ts';
import { routesOf } from '../src/rest/routes.ts';

// Names in JSON are protoc's work.
const jsonName = (name: string) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const text = (name: string, number: number, label = Label.OPTIONAL) => ({
  name,
  jsonName: jsonName(name),
  number,
  label,
  type: Type.STRING,
});
const part = (name: string, number: number) => ({
  ...text(name, number),
  type: Type.MESSAGE,
  typeName: '.weft.test.v1.Part',
});

function options(rule: MessageInitShape<typeof HttpRuleSchema>) {
  const made = create(MethodOptionsSchema, { idempotencyLevel: MethodOptions_IdempotencyLevel.IDEMPOTENT });
  setExtension(made, http, create(HttpRuleSchema, rule));
  setExtension(made, policy, create(MethodPolicySchema, { timeout: { seconds: 1n }, roles: [Role.PUBLIC] }));
  return made;
}

/** What google.api.http can say and no contract of ours does. */
const service = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'weft/test/v1/things.proto',
    package: 'weft.test.v1',
    syntax: 'proto3',
    messageType: [
      { name: 'Part', field: [text('full_title', 1), { ...text('count', 2), type: Type.INT64 }] },
      {
        name: 'SetRequest',
        field: [text('id', 1), part('part', 2), text('note', 3), text('tags', 4, Label.REPEATED)],
      },
      { name: 'SetResponse', field: [part('part', 1), text('note', 2)] },
    ],
    service: [
      {
        name: 'ThingsService',
        method: [
          {
            name: 'Set',
            inputType: '.weft.test.v1.SetRequest',
            outputType: '.weft.test.v1.SetResponse',
            options: options({
              pattern: { case: 'put', value: '/v1/things/{part.full_title}' },
              body: 'part',
              responseBody: 'part',
              additionalBindings: [
                { pattern: { case: 'custom', value: { kind: 'LOCK', path: '/v1/things/{id}' } } },
                { pattern: { case: 'post', value: '/v1/{id=shelves/*/things/**}:set' }, body: '*' },
              ],
            }),
          },
        ],
      },
    ],
  }),
  () => undefined,
).getService('weft.test.v1.ThingsService') as DescService;

const { router } = routesOf(
  edgeMethods([service]).values(),
  versions.filter(({ name }) => name === 'v2'),
);

function sent(method: string, path: string, { query = '', body }: { query?: string; body?: object } = {}) {
  const found = router.find(method, path);
  if (!found || 'allowed' in found) throw new Error(`${method} ${path} leads nowhere`);
  const request = { headers: {} } as never;
  const bytes = body && Buffer.from(JSON.stringify(body));
  const { input } = found.value.method.descriptor;
  const encoded = encodeRequest(found.value, found.variables, { query, request }, bytes);
  return { route: found.value, json: toJson(input, fromBinary(input, encoded)) };
}

it('takes one field as the body, a field within it from the path, and the rest from the query', () => {
  const { json } = sent('PUT', '/api/v2/things/lamp', { query: 'note=new&tags=a&tags=b', body: { count: '3' } });
  expect(json).toEqual({ part: { fullTitle: 'lamp', count: '3' }, note: 'new', tags: ['a', 'b'] });
  expect(() => sent('PUT', '/api/v2/things/lamp', { body: { fullTitle: 'lantern' } })).toThrow();
  expect(() => sent('PUT', '/api/v2/things/lamp', { body: { part: {} } })).toThrow();
});

it('takes methods of HTTP that it has no name for, and fields within fields from the query', () => {
  const query = 'part.full_title=lamp&part.count=4';
  expect(sent('LOCK', '/api/v2/things/one', { query }).json).toEqual({
    id: 'one',
    part: { fullTitle: 'lamp', count: '4' },
  });
  expect(() => sent('LOCK', '/api/v2/things/one', { query: 'part.none=1' })).toThrow();
  expect(() => sent('LOCK', '/api/v2/things/one', { query: 'part.full_title.more=1' })).toThrow();
  expect(router.find('GET', '/api/v2/things/one')).toEqual({ allowed: ['PUT', 'LOCK'] });
});

it('takes several segments as one field', () => {
  const { json } = sent('POST', '/api/v2/shelves/3/things/lamps/red:set', { body: { note: 'moved' } });
  expect(json).toEqual({ id: 'shelves/3/things/lamps/red', note: 'moved' });
});

it('answers with one field as the body, and names what is wrong as it is called there', () => {
  const { route } = sent('PUT', '/api/v2/things/lamp', { body: {} });
  const { output } = route.method.descriptor;
  const bytes = toBinary(output, create(output, { part: { fullTitle: 'lamp', count: 3n }, note: 'kept' } as never));
  const none = () => ({ links: {}, self: undefined });
  expect(bodyOf(route, bytes, undefined, none).json).toEqual({ fullTitle: 'lamp', count: '3' });
  const violation = { rule: 'string.max_len', description: 'is too long' };
  const named = namedFor(route, [
    { ...violation, field: 'part.full_title' },
    { ...violation, field: 'tags[1]' },
    { ...violation, field: 'of.something.else' },
  ]);
  expect(named.map(({ field }) => field)).toEqual(['fullTitle', 'tags[1]', 'of.something.else']);
});
