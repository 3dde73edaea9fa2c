import { getOption } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { current, earlier, type Media, mediaOf, type Operation } from './openapi-document.ts';

describe.each([current, earlier])('the OpenAPI document of $version', (api) => {
  const { text, document, operations, offered, operationOf } = api;

  it('is valid by the specification’s own schema', async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(text));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('has every binding of every method that end users may call, and nothing else', () => {
    const wanted = offered.map(({ binding: { verb, path }, name }) => `${verb} ${path} ${name}`);
    const found = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, operation]) => `${verb} ${path} ${operation['x-grpc-method']}`),
    );
    expect(found.sort()).toEqual(wanted.sort());
    expect(wanted.length).toBeGreaterThan(30);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  it('offers a view where the contract does', () => {
    for (const { method, binding } of offered) {
      const { parameters } = operationOf(binding);
      const views = getOption(method, methodPolicy).views.map(({ name }) => name);
      const found = parameters.find(({ name }) => name === 'view') as { schema: { enum: string[] } } | undefined;
      expect(found?.schema.enum ?? ['basic']).toEqual(['basic', ...views]);
    }
    expect(offered.some(({ method }) => getOption(method, methodPolicy).views.length > 0)).toBe(true);
  });

  it('asks for a token exactly where the contract does', () => {
    for (const operation of operations)
      expect(operation.security).toEqual(operation['x-roles'].includes('public') ? [] : [{ bearer: [] }]);
  });

  it('names the reasons that a method’s comment names, by status', () => {
    const { responses } = operations.find(({ operationId }) => operationId === 'placeOrder') as Operation;
    expect(responses['404']?.['x-reasons']).toEqual(['PRODUCT_NOT_FOUND']);
    expect(responses['409']?.['x-reasons']).toEqual([
      'MIXED_CURRENCIES',
      'ORDER_TOO_LARGE',
      'IDEMPOTENCY_KEY_REUSED',
      'REQUEST_IN_PROGRESS',
    ]);
    const update = operations.find(({ operationId }) => operationId === 'updateUser') as Operation;
    expect(update.responses['412']?.['x-reasons']).toEqual(['VERSION_MISMATCH']);
  });

  it('takes an idempotency key as a header, which is not in the body', () => {
    for (const { method, binding } of offered) {
      if (!method.input.fields.some(({ name }) => name === 'idempotency_key')) continue;
      const operation = operationOf(binding);
      expect(operation.parameters).toContainEqual(
        expect.objectContaining({ name: 'Idempotency-Key', in: 'header', required: true }),
      );
      expect(JSON.stringify(mediaOf(operation)?.examples)).not.toContain('idempotencyKey');
    }
  });

  it('has an example for every body, which its schema accepts', () => {
    const bodies = operations.filter(mediaOf);
    expect(bodies.length).toBeGreaterThan(10);
    for (const operation of bodies) {
      const { schema, examples } = mediaOf(operation) as Media;
      const accepts = api.compile(schema);
      for (const { value } of Object.values(examples)) {
        accepts(value);
        expect([operation.operationId, accepts.errors]).toEqual([operation.operationId, null]);
      }
    }
  });
});
