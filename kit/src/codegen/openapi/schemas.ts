import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { getComments } from '@bufbuild/protoplugin';
import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { isRequired, itemRules, listKeywords, rulesOf, scalarKeywords, spokenRules, unsaidRules } from './rules.ts';
import { given, type Json, type Schema } from './schema.ts';

/** A comment of the contract as one line of text. */
export function textOf(desc: Parameters<typeof getComments>[0]): string {
  return (getComments(desc).leading ?? '').trim().replaceAll(/\s*\n\s*/g, ' ');
}

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

/** The schemas of messages and enums, each once, by a name of its own. */
export class Schemas {
  readonly #names = new Map<string, string>();
  readonly #schemas = new Map<string, Schema>();

  /** A reference to a message or an enum, which is described from now on. */
  ref(type: DescMessage | DescEnum): Schema {
    return { $ref: `#/components/schemas/${this.#nameOf(type)}` };
  }

  /** A reference to a message as the edge answers it: with links. */
  answer(type: DescMessage): Schema {
    const { $ref } = this.ref(type);
    const name = String($ref).split('/').at(-1) as string;
    const { properties, ...schema } = this.#schemas.get(name) as Schema;
    const links = { $ref: '#/components/schemas/Links' };
    this.#schemas.set(name, { ...schema, properties: { ...(properties as Schema), _links: links } });
    return { $ref } as Schema;
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

  #nameOf(type: DescMessage | DescEnum): string {
    const known = this.#names.get(type.typeName);
    if (known !== undefined) return known;
    const [, service = ''] = type.file.proto.package.split('.');
    const own = type.typeName.slice(type.file.proto.package.length + 1).replaceAll('.', '');
    const taken = [...this.#names.values()].includes(own);
    const name = taken ? `${service.charAt(0).toUpperCase()}${service.slice(1)}${own}` : own;
    this.#names.set(type.typeName, name);
    this.add(name, type.kind === 'enum' ? enumSchema(type) : this.message(type));
    return name;
  }

  /** The object that a message is, without the fields that are passed elsewhere. */
  message(type: DescMessage, without: ReadonlySet<string> = new Set(), strict = false): Schema {
    const fields = type.fields.filter(({ name }) => !without.has(name));
    const required = fields.filter(isRequired).map(({ jsonName }) => jsonName);
    const choices = type.oneofs
      .map((one) => one.fields.filter(({ name }) => !without.has(name)).map(({ jsonName }) => jsonName))
      .filter(({ length }) => length > 1);
    return given({
      type: 'object',
      description: textOf(type) || undefined,
      deprecated: type.proto.options?.deprecated ? true : undefined,
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field)])),
      required: required.length > 0 ? required : undefined,
      // Of a choice at most one is there.
      allOf: choices.length > 0 ? choices.map(atMostOne) : undefined,
      additionalProperties: strict ? false : undefined,
    });
  }

  field(field: DescField): Schema {
    const rules = rulesOf(field);
    const unsaid = unsaidRules(rules);
    if (unsaid.length > 0) throw new Error(`${field}: the document has no words for the rules ${unsaid.join(', ')}`);
    const text = [textOf(field), ...spokenRules(rules).map((rule) => `Rule: ${rule}.`)].filter(Boolean).join(' ');
    return given({
      ...this.#value(field, rules),
      description: text || undefined,
      deprecated: field.proto.options?.deprecated ? true : undefined,
      writeOnly: field.proto.name.endsWith('password') ? true : undefined,
    });
  }

  #value(field: DescField, rules: FieldRules): Schema {
    switch (field.fieldKind) {
      case 'scalar':
        return scalar(field.scalar, rules);
      case 'enum':
        return this.ref(field.enum);
      case 'message':
        return this.#message(field.message);
      case 'list':
        return { type: 'array', items: this.#item(field, itemRules(rules) ?? rules), ...listKeywords(rules) };
      case 'map':
        return { type: 'object', additionalProperties: this.#item(field, rules) };
    }
  }

  #item(field: DescField & { fieldKind: 'list' | 'map' }, rules: FieldRules): Schema {
    if (field.message) return this.#message(field.message);
    if (field.enum) return this.ref(field.enum);
    return scalar(field.scalar as ScalarType, rules);
  }

  #message(message: DescMessage): Schema {
    return WELL_KNOWN[message.typeName] ?? this.ref(message);
  }
}

function scalar(type: ScalarType, rules: FieldRules): Schema {
  if (type === ScalarType.BYTES) return { type: 'string', contentEncoding: 'base64' };
  return { type: TYPES[type] ?? 'string', ...scalarKeywords(type, rules) };
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
