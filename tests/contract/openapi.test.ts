import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DescMessage,
  type DescMethod,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { decimalPattern } from '../../kit/src/codegen/openapi/decimal-pattern.ts';
import { type Binding, bindingsOf } from '../../kit/src/codegen/openapi/http.ts';
import { contractViolations } from '../../kit/src/rpc/validation.ts';
import { walkWire } from '../../kit/src/rpc/wire.ts';
import { services } from './contracts.ts';
import { likely } from './likely.ts';

interface Operation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly parameters: readonly { readonly name?: string; readonly in?: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': Media } };
  readonly responses: Readonly<Record<string, { readonly 'x-reasons'?: readonly string[] }>>;
  readonly 'x-roles': readonly string[];
  readonly 'x-grpc-method': string;
}

interface Media {
  readonly schema: object;
  readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
}

const text = readFileSync(join(import.meta.dirname, '../../gen/openapi/openapi.json'), 'utf8');
const document = JSON.parse(text) as { paths: Record<string, Record<string, Operation>>; components: object };
const operations = Object.values(document.paths).flatMap((verbs) => Object.values(verbs));

const offered: { method: DescMethod; binding: Binding; name: string }[] = services.flatMap((service) =>
  service.methods
    .filter((method) => getOption(method, methodPolicy).roles.length > 0)
    .flatMap((method) =>
      bindingsOf(method).map((binding) => ({ method, binding, name: `${service.typeName}/${method.name}` })),
    ),
);

const ajv = new Ajv2020({ strict: false, allErrors: true });
// The default export of a CommonJS module, as Node and TypeScript see it.
(addFormats as unknown as (to: Ajv2020) => void)(ajv);
ajv.addSchema({ $id: 'weft', components: document.components });
const inDocument = (schema: object) => JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"weft#/')) as object;
const operationOf = ({ path, verb }: Binding) => document.paths[path]?.[verb] as Operation;
const mediaOf = (operation: Operation) => operation.requestBody?.content['application/json'];

describe('the OpenAPI document', () => {
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
    expect(responses['409']?.['x-reasons']).toEqual(['MIXED_CURRENCIES']);
    const update = operations.find(({ operationId }) => operationId === 'updateUser') as Operation;
    expect(update.responses['412']?.['x-reasons']).toEqual(['VERSION_MISMATCH']);
  });

  it('takes an idempotency key as a header, which is not in the body', () => {
    for (const { method, binding } of offered) {
      if (!method.input.fields.some(({ name }) => name === 'idempotency_key')) continue;
      const operation = document.paths[binding.path]?.[binding.verb] as Operation;
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
      const accepts = ajv.compile(inDocument(schema));
      for (const { value } of Object.values(examples)) {
        accepts(value);
        expect([operation.operationId, accepts.errors]).toEqual([operation.operationId, null]);
      }
    }
  });
});

/** Rules that JSON Schema has no words for. */
const UNSAID = /^(?!string|int|uint|repeated|required|enum)|card_number/;

describe('a body', () => {
  const withBody = offered.filter(({ binding, method }) => binding.body === '*' && method.methodKind === 'unary');

  it.each(withBody.map((one) => [one.name, one] as const))(
    'of %s is refused by its schema exactly when the contract refuses it',
    (_, one) => {
      const { method, binding } = one;
      const operation = document.paths[binding.path]?.[binding.verb] as Operation;
      const accepts = ajv.compile(inDocument((mediaOf(operation) as Media).schema));
      const elsewhere = new Set([...binding.pathFields.map(({ name }) => name), 'idempotency_key', 'expected_version']);
      let both = 0;
      fc.assert(
        fc.property(likely(method.input), (message) => {
          const json = toJson(method.input, message) as JsonObject;
          for (const field of method.input.fields) if (elsewhere.has(field.name)) delete json[field.jsonName];
          const accepted = accepts(json as JsonValue);
          const unknownEnum = accepts.errors?.some(({ keyword }) => keyword === 'enum');
          if (unknownEnum) return;
          const bytes = toBinary(method.input, message);
          const { malformed } = walkWire(method.input, bytes);
          const violations = (malformed ? [malformed] : contractViolations(method.input, bytes)).filter(
            ({ field }) => !elsewhere.has(field),
          );
          if (!accepted) expect([accepts.errors, violations.length > 0]).toEqual([accepts.errors, true]);
          else expect(violations.filter(({ rule }) => !UNSAID.test(rule))).toEqual([]);
          both |= accepted ? 1 : 2;
        }),
        { numRuns: 200, seed: 7 },
      );
      // One of both at least is a test of something; a message without rules is always accepted.
      expect(both).not.toBe(0);
    },
  );
});

describe('a body that says the same otherwise', () => {
  const withBody = offered.filter(({ binding, method }) => binding.body === '*' && method.methodKind === 'unary');

  it.each(withBody.map((one) => [one.name, one] as const))('is as good to the schema of %s', (_, one) => {
    const { method, binding } = one;
    const accepts = ajv.compile(inDocument((mediaOf(operationOf(binding)) as Media).schema));
    const elsewhere = new Set([...binding.pathFields.map(({ name }) => name), 'idempotency_key', 'expected_version']);
    let accepted = 0;
    fc.assert(
      fc.property(likely(method.input), (message) => {
        const json = toJson(method.input, message) as JsonObject;
        for (const field of method.input.fields) if (elsewhere.has(field.name)) delete json[field.jsonName];
        if (!accepts(json)) return;
        accepted += 1;
        const other = otherwise(method.input, json, elsewhere);
        expect(toBinary(method.input, fromJson(method.input, other))).toEqual(
          toBinary(method.input, fromJson(method.input, json)),
        );
        accepts(other);
        expect([other, accepts.errors]).toEqual([other, null]);
      }),
      { numRuns: 200, seed: 7 },
    );
    expect(accepted).toBeGreaterThan(0);
  });
});

/** Numbers instead of texts, and null for what is not there. */
function otherwise(message: DescMessage, json: JsonObject, without: ReadonlySet<string> = new Set()): JsonObject {
  const said = message.fields.filter(({ name }) => !without.has(name));
  return Object.fromEntries(
    said.map((field): [string, JsonValue] => {
      const value = json[field.jsonName];
      if (value === undefined) return [field.jsonName, null];
      if (field.fieldKind === 'enum')
        return [field.jsonName, field.enum.values.find(({ name }) => name === value)?.number ?? value];
      if (field.fieldKind === 'scalar' && typeof value === 'string')
        return [field.jsonName, field.scalar === ScalarType.INT64 ? Number(value) : value];
      if (field.fieldKind === 'message' && !field.message.typeName.startsWith('google.'))
        return [field.jsonName, otherwise(field.message, value as JsonObject)];
      if (field.fieldKind === 'list' && field.message)
        return [field.jsonName, (value as JsonObject[]).map((item) => otherwise(field.message as DescMessage, item))];
      return [field.jsonName, value];
    }),
  );
}

describe('a pattern of decimal numbers', () => {
  const bound = fc.bigInt({ min: -1_000_000_000_000n, max: 1_000_000_000_000n });

  it('matches the numbers from one to another and no others', () => {
    fc.assert(
      fc.property(bound, bound, bound, (one, other, number) => {
        const [low, high] = one < other ? [one, other] : [other, one];
        const pattern = new RegExp(decimalPattern(low, high), 'u');
        for (const tried of [number, low, high, low - 1n, high + 1n, 0n, -number])
          expect([tried, pattern.test(String(tried))]).toEqual([tried, tried >= low && tried <= high]);
      }),
    );
  });

  it.each(['', '-', '-0', '01', '+1', '1.0', '1e3', ' 1', '1 ', '٣'])('matches no %j', (wrong) => {
    expect(new RegExp(decimalPattern(-1000n, 1000n), 'u').test(wrong)).toBe(false);
  });
});
