import { createHash } from 'node:crypto';
import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  fromBinary,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { EventSchema, RegisteredSchema } from './bus.ts';

const made = new WeakMap<DescMessage, EventSchema>();

/** The version of an event's schema that this process was built with. */
export function eventSchema(type: string, message: DescMessage): EventSchema {
  const standing = made.get(message);
  // Several types of event may have the same message.
  if (standing) return standing.type === type ? standing : { ...standing, type };
  const descriptors = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: filesOf(message) }));
  const fingerprint = createHash('sha256').update(descriptors).digest('hex');
  const schema = { type, message: message.typeName, fingerprint, descriptors };
  made.set(message, schema);
  return schema;
}

/** The message, and what a registered version says of it. */
export function messageOf({ message, descriptors }: EventSchema): DescMessage {
  const found = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors)).getMessage(message);
  if (!found) throw new Error(`a version of ${message} does not hold it`);
  return found;
}

/**
 * @throws Error that names the field, when a field of one of these events has another type or JSON name in a registered
 * version: what is on the bus would be read as something else. All other changes are for `buf breaking` to judge.
 */
export function assertReadable(mine: readonly (readonly [string, DescMessage])[], known: readonly RegisteredSchema[]) {
  for (const [type, message] of mine) {
    const { fingerprint } = eventSchema(type, message);
    for (const other of known) {
      if (other.type !== type || other.fingerprint === fingerprint) continue;
      const [clash] = clashes(message, messageOf(other));
      if (!clash) continue;
      const users = [...new Set([...other.publishers, ...other.readers])].join(', ') || 'nobody now';
      throw new Error(
        `${clash}, in a version of ${type} that is on the bus (${other.fingerprint.slice(0, 12)}, used by ${users})`,
      );
    }
  }
}

/** Only what the message is made of: a change elsewhere in its files makes no new version. */
function filesOf(message: DescMessage) {
  const types = reachable(message);
  const names = new Set([...types].map(({ typeName }) => typeName));
  const files = new Set([...types].map(({ file }) => file));
  const isOutermost = (file: DescFile, name: string | undefined) =>
    [...names].some((one) => `${one}.`.startsWith(`${file.proto.package}.${name}.`));
  return importedFirst(message.file)
    .filter((file) => files.has(file))
    .map((file) =>
      create(FileDescriptorProtoSchema, {
        ...file.proto,
        messageType: file.proto.messageType.filter(({ name }) => isOutermost(file, name)),
        enumType: file.proto.enumType.filter(({ name }) => isOutermost(file, name)),
        service: [],
        extension: [],
        dependency: file.dependencies.filter((one) => files.has(one)).map((one) => one.proto.name),
        publicDependency: [],
        weakDependency: [],
      }),
    );
}

function importedFirst(file: DescFile, seen = new Set<DescFile>()): DescFile[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return [...file.dependencies.flatMap((one) => importedFirst(one, seen)), file];
}

function reachable(message: DescMessage, seen = new Set<DescMessage | DescEnum>()): Set<DescMessage | DescEnum> {
  if (seen.has(message)) return seen;
  seen.add(message);
  for (const field of message.fields) {
    if (field.message) reachable(field.message, seen);
    if (field.enum) seen.add(field.enum);
  }
  return seen;
}

function clashes(mine: DescMessage, theirs: DescMessage, seen = new Set<string>()): string[] {
  if (seen.has(mine.typeName)) return [];
  seen.add(mine.typeName);
  return mine.fields.flatMap((field) => {
    const other = theirs.fields.find(({ number }) => number === field.number);
    if (!other) return [];
    const what = `${mine.typeName}.${field.name} (field ${field.number})`;
    if (typeOf(field) !== typeOf(other)) return [`${what} is ${typeOf(field)} here and ${typeOf(other)}`];
    if (field.jsonName !== other.jsonName) return [`${what} is ${field.jsonName} in JSON here and ${other.jsonName}`];
    return field.message && other.message ? clashes(field.message, other.message, seen) : [];
  });
}

function typeOf(field: DescField): string {
  const one = field.message?.typeName ?? field.enum?.typeName ?? ScalarType[field.scalar ?? 0]?.toLowerCase() ?? '';
  if (field.fieldKind === 'map') return `a map of ${ScalarType[field.mapKey]?.toLowerCase()} to ${one}`;
  return field.fieldKind === 'list' ? `a list of ${one}` : one;
}
