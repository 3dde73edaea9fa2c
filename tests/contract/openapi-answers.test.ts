import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { answerOf, current, earlier, type Offered, type Operation } from './openapi-document.ts';

const policyOf = (method: DescMethod) => getOption(method, methodPolicy);
const statuses = ({ responses }: Operation) => Object.keys(responses);

describe.each([current, earlier])('an answer in the document of $version', (api) => {
  const { document, operations, offered, operationOf } = api;
  const each = offered.map((one) => ({ ...one, operation: operationOf(one.binding) }));

  it('has examples, which its schema accepts', () => {
    let seen = 0;
    for (const { operationId, responses } of operations) {
      for (const [status, response] of Object.entries(responses)) {
        for (const media of Object.values(api.response(response).content ?? {})) {
          if (status === 'default') continue;
          const accepts = api.compile(media.schema);
          const examples = Object.values(media.examples ?? {});
          expect([operationId, status, examples.length > 0]).toEqual([operationId, status, true]);
          for (const { value } of examples) {
            accepts(value);
            expect([operationId, status, accepts.errors]).toEqual([operationId, status, null]);
            seen += 1;
          }
        }
      }
    }
    expect(seen).toBeGreaterThan(400);
  });

  it('has in an example of a stream a message that its schema accepts', () => {
    const streams = each.filter(({ method }) => method.methodKind === 'server_streaming');
    expect(streams.length).toBeGreaterThan(2);
    for (const { operation } of streams) {
      const { schema, examples } = answerOf(operation, '200', 'text/event-stream');
      const { contentSchema } = (schema as { properties: { data: { contentSchema: object } } }).properties.data;
      const [{ value }] = Object.values(examples) as [{ value: { data: string } }];
      const accepts = api.compile(contentSchema);
      accepts(JSON.parse(value.data));
      expect(accepts.errors).toBeNull();
    }
  });

  it('is 202 of what the contract says goes on, and of nothing else', () => {
    for (const { method, operation, name } of each)
      expect([name, statuses(operation).includes('202')]).toEqual([name, policyOf(method).accepted.length > 0]);
    expect(
      each.filter(({ operation }) => statuses(operation).includes('202')).map(({ method }) => method.name),
    ).toEqual(expect.arrayContaining(['PlaceOrder', 'CancelOrder']));
  });

  it('may be refused for its size and its kind where it takes a body, and for its address anywhere', () => {
    for (const { binding, operation, name } of each) {
      expect(statuses(operation)).toEqual(expect.arrayContaining(['414', '431']));
      const ofBody = ['408', '413', '415'].filter((status) => statuses(operation).includes(status));
      expect([name, ofBody]).toEqual([name, binding.body === '' ? [] : ['408', '413', '415']]);
    }
  });

  it('tells its age where the edge may keep it', () => {
    const kept = ({ operation }: { operation: Operation }) =>
      ['Age', 'Warning'].every((name) => operation.responses['200']?.headers?.[name]);
    for (const one of each)
      expect([one.name, kept(one)]).toEqual([one.name, policyOf(one.method).cacheable !== undefined]);
    expect(each.filter(kept).length).toBeGreaterThan(2);
    expect(document.components.headers).toMatchObject({ Age: {}, Warning: {} });
  });

  it('has the parts of its views, and the names of those that did not answer', () => {
    const views = each.filter(({ method }) => policyOf(method).views.length > 0);
    for (const { method, operation } of views) {
      const { schema, examples } = answerOf(operation, '200');
      const { properties } = document.components.schemas[nameOf(schema)] ?? {};
      for (const { name, parts } of policyOf(method).views) {
        expect(Object.keys(properties ?? {})).toEqual(
          expect.arrayContaining([...parts.map((part) => part.name), '_degraded']),
        );
        expect(Object.keys(examples[name]?.value as object)).toEqual(
          expect.arrayContaining(parts.map((part) => part.name)),
        );
      }
      expect(Object.keys(examples.example?.value as object)).toEqual(
        method.output.fields.map(({ jsonName }) => jsonName),
      );
      const accepts = api.compile(schema);
      const part = policyOf(method).views[0]?.parts[0]?.name ?? '';
      expect([
        accepts({ [part]: null, _degraded: [{ part, status: 503, reason: 'UNAVAILABLE' }] }),
        accepts.errors,
      ]).toEqual([true, null]);
      expect([accepts({ [part]: 'text' }), accepts({ _degraded: [{ part }] })]).toEqual([false, false]);
    }
    expect(views.map(({ method }) => method.name)).toEqual(['GetOrder']);
  });
});

describe('the version that is deprecated', () => {
  const plain = ({ method, binding }: Offered) =>
    `${binding.verb} ${binding.path.replace(/^\/api\/v\d+/, '')} ${method.name}`;

  it('says so of each operation, and of its answers since when and until when', () => {
    expect(earlier.offered.map(plain)).toEqual(current.offered.map(plain));
    for (const operation of earlier.operations) {
      expect([operation.operationId, operation.deprecated]).toEqual([operation.operationId, true]);
      for (const [status, response] of Object.entries(operation.responses)) {
        if (['414', '431', 'default'].includes(status)) continue;
        const names = Object.keys(earlier.response(response).headers ?? {});
        expect([operation.operationId, status, names]).toEqual([
          operation.operationId,
          status,
          expect.arrayContaining(['Deprecation', 'Sunset', 'Link']),
        ]);
      }
    }
    expect(earlier.document.components.headers).toMatchObject({
      Deprecation: { example: '@1793491200' },
      Sunset: { example: 'Mon, 01 Nov 2027 00:00:00 GMT' },
    });
    expect(current.operations.some(({ deprecated }) => deprecated)).toBe(false);
    expect(current.document.components.headers).not.toHaveProperty('Deprecation');
  });

  it('has its own names in bodies and answers', () => {
    const names = ({ document }: typeof current, schema: string) =>
      Object.keys(document.components.schemas[schema]?.properties ?? {});
    for (const schema of ['User', 'RegisterBody', 'LoginBody', 'UpdateUserBody']) {
      expect([schema, names(earlier, schema)]).toEqual([
        schema,
        names(current, schema).map((name) => (name === 'email' ? 'emailAddress' : name)),
      ]);
      expect(names(earlier, schema)).toContain('emailAddress');
    }
    expect(earlier.text).not.toContain('/api/v2/o');
  });
});

const nameOf = (schema: object): string =>
  String((schema as { $ref?: string }).$ref)
    .split('/')
    .at(-1) ?? '';
