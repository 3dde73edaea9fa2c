import { type DescField, getOption, isFieldSet, type Message, ScalarType } from '@bufbuild/protobuf';
import {
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
  Ignore,
  RepeatedRulesSchema,
  type StringRules,
  StringRulesSchema,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { decimalPattern } from './decimal-pattern.ts';
import { given, type Schema } from './schema.ts';

export const rulesOf = (field: DescField): FieldRules => getOption(field, fieldRules);

const UUID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
// ProtoJSON takes whatever fits into 64 bits; nobody needs the last digit.
const MAX_INT64 = 999_999_999_999_999_999n;

/** The keywords for one value of a field, by the contract's rules. */
export function scalarKeywords(scalar: ScalarType, rules: FieldRules): Schema {
  switch (scalar) {
    case ScalarType.STRING:
      return rules.type.case === 'string' ? stringKeywords(rules.type.value, isOptionalByRule(rules)) : {};
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return {
        format: 'int64',
        pattern: decimalPattern(...bounds(rules, -MAX_INT64, MAX_INT64)),
        ...decimalExamples(rules),
      };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { format: 'uint64', pattern: decimalPattern(...bounds(rules, 0n, MAX_INT64)) };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32: {
      const [minimum, maximum] = bounds(rules, -(2n ** 31n), 2n ** 31n - 1n);
      return { format: 'int32', minimum: Number(minimum), maximum: Number(maximum) };
    }
    case ScalarType.UINT32:
    case ScalarType.FIXED32: {
      const [minimum, maximum] = bounds(rules, 0n, 2n ** 32n - 1n);
      return { format: 'int64', minimum: Number(minimum), maximum: Number(maximum) };
    }
    default:
      return {};
  }
}

function decimalExamples({ type }: FieldRules): Schema {
  const examples = type.case === 'int64' ? type.value.example.map(String) : [];
  return given({ examples: examples.length > 0 ? examples : undefined });
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The same bounds for a number of 64 bits that is sent as a number, as far as JavaScript has such numbers. */
export function numberKeywords(scalar: ScalarType, rules: FieldRules): Schema | undefined {
  switch (scalar) {
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64: {
      const unsigned = scalar === ScalarType.UINT64 || scalar === ScalarType.FIXED64;
      const [minimum, maximum] = bounds(rules, unsigned ? 0n : -MAX_SAFE, MAX_SAFE);
      return { minimum: Number(minimum), maximum: Number(maximum) };
    }
    default:
      return undefined;
  }
}

function stringKeywords(rules: StringRules, orEmpty: boolean): Schema {
  const has = (name: string) => StringRulesSchema.fields.some((one) => one.name === name && isFieldSet(rules, one));
  const known = rules.wellKnown.case;
  const uuid = known === 'uuid' && rules.wellKnown.value;
  const email = known === 'email' && rules.wellKnown.value;
  const pattern = has('pattern') ? rules.pattern : undefined;
  return given({
    format: email ? 'email' : uuid && !orEmpty ? 'uuid' : undefined,
    minLength: has('min_len') ? Number(rules.minLen) : has('len') ? Number(rules.len) : undefined,
    maxLength: has('max_len') ? Number(rules.maxLen) : has('len') ? Number(rules.len) : undefined,
    pattern: orEmpty && (uuid || pattern) ? `^$|${uuid ? `^${UUID}$` : pattern}` : pattern,
    enum: rules.in.length > 0 ? rules.in : undefined,
    const: has('const') ? rules.const : undefined,
    examples: rules.example.length > 0 ? rules.example : undefined,
  });
}

/** The least and the greatest that the rules allow, both included. */
function bounds(rules: FieldRules, low: bigint, high: bigint): [bigint, bigint] {
  const value = rules.type.value as
    | {
        greaterThan?: { case?: string; value?: bigint | number };
        lessThan?: { case?: string; value?: bigint | number };
      }
    | undefined;
  const { greaterThan, lessThan } = value ?? {};
  const least =
    greaterThan?.value === undefined ? low : BigInt(greaterThan.value) + (greaterThan.case === 'gt' ? 1n : 0n);
  const most = lessThan?.value === undefined ? high : BigInt(lessThan.value) - (lessThan.case === 'lt' ? 1n : 0n);
  return [least > low ? least : low, most < high ? most : high];
}

/** The years of a time, without the first and the last, which with an offset are other years. */
export function timeKeywords({ type }: FieldRules): Schema {
  if (type.case !== 'timestamp') return {};
  const { greaterThan, lessThan } = type.value;
  if (greaterThan.case !== 'gte' || lessThan.case !== 'lte') return {};
  const year = (seconds: bigint) => BigInt(new Date(Number(seconds) * 1000).getUTCFullYear());
  const years = decimalPattern(year(greaterThan.value.seconds) + 1n, year(lessThan.value.seconds) - 1n);
  return { pattern: `${years.slice(0, -1)}-` };
}

/** The keywords for a list as a whole. */
export function listKeywords(rules: FieldRules): Schema {
  if (rules.type.case !== 'repeated') return {};
  const { value } = rules.type;
  const has = (name: string) => RepeatedRulesSchema.fields.some((one) => one.name === name && isFieldSet(value, one));
  return given({
    minItems: has('min_items') ? Number(value.minItems) : undefined,
    maxItems: has('max_items') ? Number(value.maxItems) : undefined,
    uniqueItems: value.unique ? true : undefined,
  });
}

export const itemRules = (rules: FieldRules): FieldRules | undefined =>
  rules.type.case === 'repeated' ? rules.type.value.items : undefined;

/** Rules that JSON Schema cannot say, in the contract's words. */
export function spokenRules({ cel, type }: FieldRules): string[] {
  const expressed = cel.map(({ message, id }) => message || id);
  if (type.case !== 'timestamp') return expressed;
  const { greaterThan, lessThan } = type.value;
  return [
    ...expressed,
    ...(greaterThan.case === 'gte' ? [`not before ${iso(greaterThan.value.seconds)}`] : []),
    ...(lessThan.case === 'lte' ? [`not after ${iso(lessThan.value.seconds)}`] : []),
  ];
}

/** What can be said of expressions: that an amount is more than nothing. */
export function celKeywords({ cel }: FieldRules): Schema | undefined {
  if (!cel.some(({ expression }) => expression === 'this.minor_units > 0')) return undefined;
  return { properties: { minorUnits: { not: { enum: ['0', 0, null] } } }, required: ['minorUnits'] };
}

const iso = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString();

const isOptionalByRule = (rules: FieldRules): boolean => rules.ignore !== Ignore.UNSPECIFIED;

/** Whether a request without the field breaks a rule. */
export function isRequired(field: DescField): boolean {
  const rules = rulesOf(field);
  if (rules.required) return true;
  if (isOptionalByRule(rules) || (field.fieldKind !== 'list' && field.fieldKind !== 'map' && field.message))
    return false;
  if (field.fieldKind === 'scalar' && field.proto.proto3Optional) return false;
  if (field.oneof) return false;
  switch (rules.type.case) {
    case 'string': {
      const { minLen, len, pattern, wellKnown } = rules.type.value;
      const named = wellKnown.case !== undefined && wellKnown.value !== false;
      return minLen > 0n || len > 0n || named || (pattern !== '' && !new RegExp(pattern, 'u').test(''));
    }
    case 'repeated':
      return rules.type.value.minItems > 0n;
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'uint64': {
      const [least, most] = bounds(rules, -(2n ** 63n), 2n ** 64n);
      return least > 0n || most < 0n;
    }
    default:
      return false;
  }
}

/** Rules of a kind that a document of ours does not say yet. */
export function unsaidRules(rules: FieldRules): string[] {
  const said = new Set([
    'required',
    'ignore',
    'cel',
    'string',
    'int32',
    'int64',
    'uint32',
    'uint64',
    'repeated',
    'enum',
    ...('pattern' in timeKeywords(rules) ? ['timestamp'] : []),
  ]);
  const bySchema = (message: Message) =>
    FieldRulesSchema.fields.filter((one) => isFieldSet(message as FieldRules, one)).map(({ name }) => name);
  return bySchema(rules).filter((name) => !said.has(name));
}
