import {
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decimalPattern } from '../../kit/src/codegen/openapi/decimal-pattern.ts';
import { contractViolations } from '../../kit/src/rpc/validation.ts';
import { walkWire } from '../../kit/src/rpc/wire.ts';
import { likely } from './likely.ts';
import { current, type Media, mediaOf } from './openapi-document.ts';

const { offered, operationOf } = current;

/** Rules that JSON Schema has no words for. */
const UNSAID = /^(?!string|int|uint|repeated|required|enum)|card_number/;

describe('a body', () => {
  const withBody = offered.filter(({ binding, method }) => binding.body === '*' && method.methodKind === 'unary');

  it.each(withBody.map((one) => [one.name, one] as const))(
    'of %s is refused by its schema exactly when the contract refuses it',
    async (_, one) => {
      const { method, binding } = one;
      const operation = operationOf(binding);
      const accepts = current.compile((mediaOf(operation) as Media).schema);
      const elsewhere = new Set([...binding.pathFields.map(({ name }) => name), 'idempotency_key', 'expected_version']);
      let both = 0;
      await fc.assert(
        fc.asyncProperty(likely(method.input), async (message) => {
          const json = toJson(method.input, message) as JsonObject;
          for (const field of method.input.fields) if (elsewhere.has(field.name)) delete json[field.jsonName];
          const accepted = accepts(json as JsonValue);
          const unknownEnum = accepts.errors?.some(({ keyword }) => keyword === 'enum');
          if (unknownEnum) return;
          const bytes = toBinary(method.input, message);
          const { malformed } = walkWire(method.input, bytes);
          const violations = (malformed ? [malformed] : await contractViolations(method.input, bytes)).filter(
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
    const accepts = current.compile((mediaOf(operationOf(binding)) as Media).schema);
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
