import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import {
  type EnumRules,
  EnumRulesSchema,
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
  Ignore,
  type Int32Rules,
  Int32RulesSchema,
  type Int64Rules,
  Int64RulesSchema,
  message as messageRules,
  oneof as oneofRules,
  type RepeatedRules,
  RepeatedRulesSchema,
  type StringRules,
  StringRulesSchema,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

/** Whether a value keeps its rules. */
type Check = (value: never) => boolean;
type Values = Readonly<Record<string, unknown>>;

const NOT_COMPILED = Symbol('not compiled');
type Compiled<T> = T | typeof NOT_COMPILED;

/**
 * Compiles the contract's rules for a message, as ts-proto decodes it, into functions: `true` means that it keeps them all.
 * What it does not accept is for protovalidate to judge, and to say why. Undefined where a rule is of a kind that is not
 * compiled, so that protovalidate judges every message. The equivalence is tested with random messages of every contract.
 */
export function compileRules(message: DescMessage): ((message: object) => boolean) | undefined {
  const accepts = messageCheck(message, new Map());
  return accepts === NOT_COMPILED ? undefined : (accepts as (message: object) => boolean);
}

function messageCheck(desc: DescMessage, known: Map<string, (message: Values) => boolean>): Compiled<Check> {
  const already = known.get(desc.typeName);
  if (already) return already as Check;
  let checks: ((message: Values) => boolean)[] = [];
  // Before its fields are looked at: a message may hold itself.
  const accepts = (message: Values): boolean => {
    for (const check of checks) if (!check(message)) return false;
    return true;
  };
  known.set(desc.typeName, accepts);
  if (hasOption(desc, messageRules) || desc.oneofs.some((one) => hasOption(one, oneofRules))) return NOT_COMPILED;
  const compiled: ((message: Values) => boolean)[] = [];
  for (const field of desc.fields) {
    const check = fieldCheck(field, known);
    if (check === NOT_COMPILED) return NOT_COMPILED;
    if (check) compiled.push(check as (message: Values) => boolean);
  }
  checks = compiled;
  return accepts as Check;
}

function fieldCheck(field: DescField, known: Map<string, (message: Values) => boolean>): Compiled<Check> | undefined {
  const rules = getOption(field, fieldRules);
  const nested = field.message ? messageCheck(field.message, known) : undefined;
  const own = rulesCheck(rules, field);
  if (nested === NOT_COMPILED || own === NOT_COMPILED) return NOT_COMPILED;
  if (rules.ignore === Ignore.ALWAYS || (!own && !nested && !rules.required)) return undefined;
  // Where ts-proto keeps them differently, and no rule of ours is.
  if (field.oneof || field.fieldKind === 'map') return NOT_COMPILED;
  const name = field.localName;
  const { required } = rules;
  const mayBeAbsent = !required && field.fieldKind !== 'list' && field.presence !== FeatureSet_FieldPresence.IMPLICIT;
  const ignoresZero = rules.ignore === Ignore.IF_ZERO_VALUE;
  const ofItems = field.fieldKind === 'list' && nested ? every(nested) : nested;
  return ((message: Values) => {
    const value = message[name] as never;
    if (value === undefined) return mayBeAbsent;
    if ((required || ignoresZero) && isZero(value)) return !required;
    return (!own || own(value)) && (!ofItems || ofItems(value));
  }) as Check;
}

const COMPILED_FIELD = new Set(['required', 'ignore', 'cel', 'string', 'int32', 'int64', 'enum', 'repeated']);

/** @param field undefined for the items of a list */
function rulesCheck(rules: FieldRules, field: DescField | undefined): Compiled<Check> | undefined {
  if (!onlySets(FieldRulesSchema, rules, COMPILED_FIELD)) return NOT_COMPILED;
  const checks = rules.cel.map(({ expression }) => celCheck(expression, field));
  const { type } = rules;
  if (type.case === 'string') checks.push(stringCheck(type.value));
  else if (type.case === 'int32' || type.case === 'int64') checks.push(numberCheck(type.value));
  else if (type.case === 'enum') checks.push(enumCheck(type.value, field?.enum));
  else if (type.case === 'repeated') checks.push(repeatedCheck(type.value, field));
  return all(checks);
}

// An example is no rule.
const COMPILED_STRING = new Set(['uuid', 'min_len', 'max_len', 'pattern', 'example']);
const UUID = /^[\da-fA-F]{8}-[\da-fA-F]{4}-[\da-fA-F]{4}-[\da-fA-F]{4}-[\da-fA-F]{12}$/;

function stringCheck(rules: StringRules): Compiled<Check> {
  if (!onlySets(StringRulesSchema, rules, COMPILED_STRING)) return NOT_COMPILED;
  const patterns: RegExp[] = [];
  if (rules.wellKnown.case === 'uuid' && rules.wellKnown.value) patterns.push(UUID);
  if (rules.pattern !== '') patterns.push(new RegExp(rules.pattern, 'u'));
  const least = Number(rules.minLen);
  const most = rules.maxLen === 0n ? Number.POSITIVE_INFINITY : Number(rules.maxLen);
  return ((value: string) => {
    // A character takes one unit or two: often that settles it.
    const units = value.length;
    if (units > most || units < 2 * least) {
      const characters = [...value].length;
      if (characters > most || characters < least) return false;
    }
    return patterns.every((pattern) => pattern.test(value));
  }) as Check;
}

const COMPILED_NUMBER = new Set(['gte', 'lte', 'gt', 'lt', 'example']);

function numberCheck(rules: Int32Rules | Int64Rules): Compiled<Check> {
  const schema = rules.$typeName === 'buf.validate.Int32Rules' ? Int32RulesSchema : Int64RulesSchema;
  if (!onlySets(schema, rules, COMPILED_NUMBER)) return NOT_COMPILED;
  const { lessThan: below, greaterThan: above } = rules;
  // Upside down it means outside of the two.
  if (below.case && above.case && above.value > below.value) return NOT_COMPILED;
  return ((value: number | bigint) =>
    (below.case !== 'lt' || value < below.value) &&
    (below.case !== 'lte' || value <= below.value) &&
    (above.case !== 'gt' || value > above.value) &&
    (above.case !== 'gte' || value >= above.value)) as Check;
}

const COMPILED_ENUM = new Set(['defined_only']);

function enumCheck(rules: EnumRules, values: DescEnum | undefined): Compiled<Check> {
  if (!values || !onlySets(EnumRulesSchema, rules, COMPILED_ENUM)) return NOT_COMPILED;
  return ((value: number) => !rules.definedOnly || values.value[value] !== undefined) as Check;
}

const COMPILED_REPEATED = new Set(['min_items', 'max_items', 'unique', 'items']);

function repeatedCheck(rules: RepeatedRules, field: DescField | undefined): Compiled<Check> {
  if (!onlySets(RepeatedRulesSchema, rules, COMPILED_REPEATED)) return NOT_COMPILED;
  if (rules.unique && !isComparable(field)) return NOT_COMPILED;
  const ofItem = rules.items && rulesCheck(rules.items, undefined);
  if (ofItem === NOT_COMPILED || rules.items?.required || rules.items?.ignore) return NOT_COMPILED;
  const least = Number(rules.minItems);
  const most = rules.maxItems === 0n ? Number.POSITIVE_INFINITY : Number(rules.maxItems);
  return ((items: readonly never[]) =>
    items.length >= least &&
    items.length <= most &&
    (!rules.unique || new Set(items).size === items.length) &&
    (!ofItem || items.every((item) => ofItem(item)))) as Check;
}

// The two that our contracts use: no item twice by one of its fields, and an amount of more than nothing.
const UNIQUE = /^this\.map\((\w+), \1\.(\w+)\)\.unique\(\)$/;
const POSITIVE = /^this\.(\w+) > 0$/;

function celCheck(expression: string, field: DescField | undefined): Compiled<Check> {
  const named = (name: string | undefined) => field?.message?.fields.find((one) => one.name === name);
  const key = named(UNIQUE.exec(expression)?.[2]);
  if (key?.fieldKind === 'scalar' && isComparable(key) && field?.fieldKind === 'list') {
    const unique = key.localName;
    return ((items: readonly Values[]) => new Set(items.map((item) => item[unique])).size === items.length) as Check;
  }
  const amount = named(POSITIVE.exec(expression)?.[1]);
  if (amount?.fieldKind === 'scalar' && amount.scalar === ScalarType.INT64 && field?.fieldKind === 'message') {
    const positive = amount.localName;
    return ((message: Values) => (message[positive] as bigint) > 0n) as Check;
  }
  return NOT_COMPILED;
}

/** Equal values are the same value: bytes and messages are not. */
const isComparable = (field: DescField | undefined): boolean =>
  field?.scalar !== undefined && field.scalar !== ScalarType.BYTES;

function all(checks: readonly Compiled<Check>[]): Compiled<Check> | undefined {
  if (checks.includes(NOT_COMPILED)) return NOT_COMPILED;
  const [first, ...others] = checks as Check[];
  return others.length === 0 ? first : (value: never) => (checks as Check[]).every((check) => check(value));
}

function every(check: Check): Check {
  return ((items: readonly never[]) => items.every((item) => check(item))) as Check;
}

const isZero = (value: unknown): boolean =>
  value === '' || value === 0 || value === 0n || value === false || (value as { length?: number }).length === 0;

/** Whether a message of rules has none but these, so that a rule that is new to us is never passed over. */
function onlySets(schema: DescMessage, rules: Message, names: ReadonlySet<string>): boolean {
  const reflected = reflect(schema, rules);
  return !rules.$unknown?.length && schema.fields.every((one) => !reflected.isSet(one) || names.has(one.name));
}
