import { create, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';

const WRAPPED = /^google\.protobuf\.(Any|Struct|Value|ListValue|\w+Value)$/;

/** Throws for well-known types that the generators represent as something other than a message. */
export function assertPlain(desc: DescMessage): void {
  if (WRAPPED.test(desc.typeName)) throw new Error(`${desc.typeName}: tests/contract cannot build or compare it yet`);
}

/** The protobuf-es message that a ts-proto message means; throws when ts-proto did not know one of its fields. */
export function fromTsProto(desc: DescMessage, value: unknown): Message {
  return create(desc, toInit(desc, value));
}

function toInit(desc: DescMessage, value: unknown): Record<string, unknown> {
  if (desc.typeName === 'google.protobuf.FieldMask') return { paths: value };
  assertPlain(desc);
  const message = asRecord(value);
  if (Object.keys(message._unknownFields ?? {}).length > 0) throw new Error(`${desc.typeName}: has unknown fields`);
  const init: Record<string, unknown> = {};
  for (const member of desc.members) {
    const content = message[tsProtoName(member)];
    if (content === undefined) continue;
    if (member.kind === 'oneof') {
      const { $case, value: selected } = asRecord(content);
      const field = member.fields.find((candidate) => tsProtoName(candidate) === $case);
      if (!field) throw new Error(`${desc.typeName}.${member.name}: ${String($case)} is not one of its fields`);
      init[member.localName] = { case: field.localName, value: fieldInit(field, selected) };
    } else {
      init[member.localName] = fieldInit(member, content);
    }
  }
  return init;
}

// protobuf-es marks names that every object has, such as toString, with a dollar; ts-proto does not.
function tsProtoName(member: { readonly localName: string }): string {
  return member.localName.replace(/\$$/, '');
}

function fieldInit(field: DescField, content: unknown): unknown {
  const { message } = field;
  if (field.fieldKind === 'map') {
    const entries = content instanceof Map ? [...content] : Object.entries(asRecord(content));
    return Object.fromEntries(entries.map(([key, value]) => [String(key), message ? toInit(message, value) : value]));
  }
  if (!message) return content;
  return Array.isArray(content) && field.fieldKind === 'list'
    ? content.map((element) => toInit(message, element))
    : toInit(message, content);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error(`not a message: ${String(value)}`);
  return value as Record<string, unknown>;
}
