import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { type Examples, examplesOf } from './examples.ts';
import {
  celKeywords,
  isRequired,
  itemRules,
  listKeywords,
  numberKeywords,
  rulesOf,
  scalarKeywords,
  spokenRules,
  timeKeywords,
  unsaidRules,
} from './rules.ts';
import { given, type Json, type Schema } from './schema.ts';
import { textOf } from './text.ts';

const NANOSECONDS = '(?:\\.[0-9]{1,9})?';

/** How ProtoJSON writes what Google's own messages hold. */
const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time', examples: ['2026-11-22T10:00:00Z'] },
  'google.protobuf.Duration': { type: 'string', pattern: `^-?[0-9]{1,12}${NANOSECONDS}s$`, examples: ['1.5s'] },
  'google.protobuf.FieldMask': { type: 'string' },
  'google.protobuf.Struct': { type: 'object' },
  'google.protobuf.Value': {},
  'google.protobuf.Empty': { type: 'object' },
  'google.protobuf.Any': { type: 'object', properties: { '@type': { type: 'string' } }, required: ['@type'] },
};

const TYPES: Readonly<Partial<Record<ScalarType, string>>> = {
  [ScalarType.BOOL]: 'boolean',
  [ScalarType.DOUBLE]: 'number',
  [ScalarType.FLOAT]: 'number',
  [ScalarType.INT32]: 'integer',
  [ScalarType.SINT32]: 'integer',
  [ScalarType.SFIXED32]: 'integer',
  [ScalarType.UINT32]: 'integer',
  [ScalarType.FIXED32]: 'integer',
};

/** A request is refused for what its contract does not know; an answer may have more than this document, from a newer version. */
export type Use = 'request' | 'answer';

/** What schemas are made of. */
export interface Described {
  readonly requests: readonly DescMessage[];
  /** The messages that are answered: what is in them and in requests as well is described twice. */
  readonly answers: readonly DescMessage[];
  /** What a field is called. */
  nameOf(field: DescField): string;
}

/** What a view of an answer has besides. */
export interface Part {
  readonly name: string;
  readonly type: DescMessage;
  readonly list: boolean;
}

const LINKED: Schema = { _links: { $ref: '#/components/schemas/Links' } };

/** Whether a message is a page of a list. */
export const isPage = ({ fields }: DescMessage): boolean => fields.some(({ name }) => name === 'next_page_token');

/** The schemas of messages and enums, each once for its use, by a name of its own. */
export class Schemas {
  readonly #names = new Map<string, string>();
  readonly #schemas = new Map<string, Schema>();
  readonly #answered = new Set<string>();

  readonly #fieldName: Described['nameOf'];
  readonly #examples: Examples;

  constructor({ requests, answers, nameOf }: Described) {
    for (const message of answers) this.#note(message);
    this.#fieldName = nameOf;
    this.#examples = examplesOf(requests);
  }

  #note(message: DescMessage): void {
    if (this.#answered.has(message.typeName)) return;
    this.#answered.add(message.typeName);
    for (const field of message.fields) if (field.message) this.#note(field.message);
  }

  /** A reference to a message as the edge answers it: with links, its own and those of what a page holds, and with what its views have besides. */
  answer(type: DescMessage, parts: readonly Part[] = []): Schema {
    const more = Object.fromEntries(parts.map((part) => [part.name, this.#part(part)]));
    const degraded = parts.length > 0 && { _degraded: { $ref: '#/components/schemas/Degraded' } };
    const items = isPage(type) && type.fields.find((one) => one.fieldKind === 'list' && one.message)?.message;
    if (items) this.#extend(items, LINKED);
    return this.#extend(type, { ...more, ...degraded, ...LINKED });
  }

  #extend(type: DescMessage, more: Schema): Schema {
    const reference = this.#ref(type, 'answer');
    const name = String(reference.$ref).split('/').at(-1) as string;
    const { properties, ...schema } = this.#schemas.get(name) as Schema;
    this.#schemas.set(name, { ...schema, properties: { ...(properties as Schema), ...more } });
    return reference;
  }

  #part({ type, list }: Part): Schema {
    const one = this.#ref(type, 'answer');
    const description = 'With a `view` that has it.';
    return list ? { type: 'array', items: one, description } : { anyOf: [one, { type: 'null' }], description };
  }

  /** A schema of no message's own, for example of what is left of a request in a body. */
  add(name: string, schema: Schema): Schema {
    if (this.#schemas.has(name)) throw new Error(`there are two schemas ${name}`);
    this.#schemas.set(name, schema);
    return { $ref: `#/components/schemas/${name}` };
  }

  all(): Schema {
    return Object.fromEntries([...this.#schemas].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  #ref(type: DescMessage | DescEnum, use: Use): Schema {
    return { $ref: `#/components/schemas/${this.#nameOf(type, use)}` };
  }

  #nameOf(type: DescMessage | DescEnum, use: Use): string {
    const twice = type.kind === 'message' && use === 'request' && this.#answered.has(type.typeName);
    const key = `${type.typeName}${twice ? ' in a request' : ''}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const [, service = ''] = type.file.proto.package.split('.');
    const own = type.typeName.slice(type.file.proto.package.length + 1).replaceAll('.', '') + (twice ? 'Input' : '');
    const taken = [...this.#names.values()].includes(own);
    const name = taken ? `${service.charAt(0).toUpperCase()}${service.slice(1)}${own}` : own;
    this.#names.set(key, name);
    this.add(name, type.kind === 'enum' ? enumSchema(type) : this.message(type, use));
    return name;
  }

  /** The object that a message is, without the fields that are passed elsewhere. */
  message(type: DescMessage, use: Use, without: ReadonlySet<string> = new Set()): Schema {
    const fields = type.fields.filter(({ name }) => !without.has(name));
    const required = use === 'request' ? fields.filter(isRequired).map(this.#fieldName) : [];
    const choices = type.oneofs
      .map((one) => one.fields.filter(({ name }) => !without.has(name)).map(this.#fieldName))
      .filter(({ length }) => length > 1);
    return given({
      type: 'object',
      description: textOf(type) || undefined,
      deprecated: type.proto.options?.deprecated ? true : undefined,
      properties: Object.fromEntries(
        fields.map((field) => {
          const schema = this.field(field, use);
          return [this.#fieldName(field), use === 'request' ? orSpokenOtherwise(field, schema) : schema];
        }),
      ),
      required: required.length > 0 ? required : undefined,
      // Of a choice at most one is there.
      allOf: choices.length > 0 ? choices.map(atMostOne) : undefined,
      additionalProperties: use === 'request' ? false : undefined,
    });
  }

  field(field: DescField, use: Use): Schema {
    const rules = rulesOf(field);
    const unsaid = unsaidRules(rules);
    if (unsaid.length > 0) throw new Error(`${field}: the document has no words for the rules ${unsaid.join(', ')}`);
    const text = [textOf(field), ...spokenRules(rules).map((rule) => `Rule: ${rule}.`)].filter(Boolean).join(' ');
    const value = this.#value(field, rules, use);
    const more = use === 'request' ? celKeywords(rules) : undefined;
    return given({
      ...(more ? { allOf: [value, more] } : value),
      ...(use === 'request' ? timeKeywords(rules) : this.#examples.of(field)),
      description: text || undefined,
      deprecated: field.proto.options?.deprecated ? true : undefined,
    });
  }

  #value(field: DescField, rules: FieldRules, use: Use): Schema {
    switch (field.fieldKind) {
      case 'scalar':
        return scalar(field.scalar, rules, use);
      case 'enum':
        return this.#ref(field.enum, use);
      case 'message':
        return this.#message(field.message, use);
      case 'list':
        return { type: 'array', items: this.#item(field, itemRules(rules) ?? rules, use), ...listKeywords(rules) };
      case 'map':
        return { type: 'object', additionalProperties: this.#item(field, rules, use) };
    }
  }

  #item(field: DescField & { fieldKind: 'list' | 'map' }, rules: FieldRules, use: Use): Schema {
    if (field.message) return this.#message(field.message, use);
    if (field.enum) return this.#ref(field.enum, use);
    return scalar(field.scalar as ScalarType, rules, use);
  }

  #message(message: DescMessage, use: Use): Schema {
    return WELL_KNOWN[message.typeName] ?? this.#ref(message, use);
  }
}

/** What ProtoJSON takes as well in a body: numbers for numbers of 64 bits and for enums, null for what is left out. */
function orSpokenOtherwise(field: DescField, schema: Schema): Schema {
  const numbers = field.fieldKind === 'scalar' ? numberKeywords(field.scalar, rulesOf(field)) : undefined;
  const { description, deprecated, ...value } = schema;
  const others: Schema[] = [
    ...(field.fieldKind === 'enum' ? [{ type: 'integer', enum: field.enum.values.map(({ number }) => number) }] : []),
    ...(isRequired(field) ? [] : [{ type: 'null' }]),
  ];
  if (typeof value.type !== 'string' || 'enum' in value || 'const' in value)
    return others.length === 0 ? schema : given({ anyOf: [value, ...others], description, deprecated });
  const types = [value.type, ...(numbers ? ['integer'] : []), ...others.map(({ type }) => type as string)];
  return { ...schema, type: types.length === 1 ? value.type : types, ...numbers };
}

// No text of a request holds a NUL character; the kit refuses it.
const NO_NUL = '^[^\\u0000]*$';

function scalar(type: ScalarType, rules: FieldRules, use: Use): Schema {
  if (type === ScalarType.BYTES) return { type: 'string', contentEncoding: 'base64' };
  const keywords = scalarKeywords(type, rules);
  if (use === 'answer') {
    // What a request may say is not what there may be: rules change.
    const { format } = keywords;
    return given({ type: TYPES[type] ?? 'string', format });
  }
  const free = type === ScalarType.STRING && !('pattern' in keywords) && !('format' in keywords);
  return { type: TYPES[type] ?? 'string', ...keywords, ...(free && { pattern: NO_NUL }) };
}

function enumSchema(type: DescEnum): Schema {
  const values = type.values.map((value) => `${value.name}: ${textOf(value)}`);
  return {
    type: 'string',
    description: [textOf(type), ...values].join('\n- '),
    enum: type.values.map(({ name }) => name),
  };
}

function atMostOne(names: readonly string[]): Json {
  const pairs = names.flatMap((one, index) => names.slice(index + 1).map((other) => [one, other]));
  return { not: { anyOf: pairs.map((required) => ({ required })) } };
}
