import { isFieldSet } from '@bufbuild/protobuf';
import type {
  DescriptorProto,
  DescriptorProto_ExtensionRange,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import {
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

const MAX_FIELD_NUMBER = 536_870_911;

const SCALARS: Partial<Record<Type, string>> = {
  [Type.DOUBLE]: 'double',
  [Type.FLOAT]: 'float',
  [Type.INT64]: 'int64',
  [Type.UINT64]: 'uint64',
  [Type.INT32]: 'int32',
  [Type.FIXED64]: 'fixed64',
  [Type.FIXED32]: 'fixed32',
  [Type.BOOL]: 'bool',
  [Type.STRING]: 'string',
  [Type.BYTES]: 'bytes',
  [Type.UINT32]: 'uint32',
  [Type.SFIXED32]: 'sfixed32',
  [Type.SFIXED64]: 'sfixed64',
  [Type.SINT32]: 'sint32',
  [Type.SINT64]: 'sint64',
};

/**
 * Prints a file descriptor as a `.proto` source that compiles to the same messages, enums, oneofs, extensions and
 * ranges. Options are left out, except `allow_alias`, without which some enums do not compile; comments are not in a
 * descriptor. Throws for what it cannot express: services, groups and editions.
 */
export function printProto(file: FileDescriptorProto): string {
  if (file.syntax === 'editions') throw new Error(`${file.name}: editions are not supported`);
  if (file.service.length > 0) throw new Error(`${file.name}: services are not supported`);
  const proto3 = file.syntax === 'proto3';
  const publicImports = new Set(file.publicDependency.map((index) => file.dependency[index]));
  const lines = [
    `syntax = "${proto3 ? 'proto3' : 'proto2'}";`,
    ...(file.package === '' ? [] : [`package ${file.package};`]),
    ...file.dependency.map((path) => `import ${publicImports.has(path) ? 'public ' : ''}"${path}";`),
    ...printExtensions(file.extension, proto3),
    ...file.enumType.flatMap(printEnum),
    ...file.messageType.flatMap((message) => printMessage(message, proto3)),
  ];
  return `${lines.join('\n')}\n`;
}

function printMessage(message: DescriptorProto, proto3: boolean): string[] {
  const maps = new Map(message.nestedType.filter((type) => type.options?.mapEntry).map((type) => [type.name, type]));
  const printed = new Set<number>();
  const body: string[] = [];
  for (const field of message.field) {
    const oneof = oneofOf(field);
    if (oneof === undefined) {
      body.push(printField(field, proto3, maps));
    } else if (!printed.has(oneof)) {
      printed.add(oneof);
      const members = message.field.filter((member) => oneofOf(member) === oneof);
      body.push(
        ...block(
          `oneof ${message.oneofDecl[oneof]?.name}`,
          members.map((member) => printField(member, proto3, maps, true)),
        ),
      );
    }
  }
  return block(`message ${message.name}`, [
    ...body,
    ...message.extensionRange.map((range) => `extensions ${printRange(range, MAX_FIELD_NUMBER)};`),
    ...printReserved(message.reservedRange, MAX_FIELD_NUMBER, true, message.reservedName),
    ...printExtensions(message.extension, proto3),
    ...message.enumType.flatMap(printEnum),
    ...message.nestedType.filter((type) => !maps.has(type.name)).flatMap((type) => printMessage(type, proto3)),
  ]);
}

function printEnum(type: EnumDescriptorProto): string[] {
  return block(`enum ${type.name}`, [
    ...(type.options?.allowAlias ? ['option allow_alias = true;'] : []),
    ...type.value.map((value) => `${value.name} = ${value.number};`),
    ...printReserved(type.reservedRange, 2_147_483_647, false, type.reservedName),
  ]);
}

function printExtensions(extensions: readonly FieldDescriptorProto[], proto3: boolean): string[] {
  return extensions.flatMap((field) => block(`extend ${field.extendee}`, [printField(field, proto3, new Map())]));
}

function printField(
  field: FieldDescriptorProto,
  proto3: boolean,
  maps: ReadonlyMap<string, DescriptorProto>,
  inOneof = false,
): string {
  const entry = maps.get(field.typeName.slice(field.typeName.lastIndexOf('.') + 1));
  const [key, value] = entry?.field ?? [];
  const type = key && value ? `map<${printType(key)}, ${printType(value)}>` : printType(field);
  const label = inOneof || entry ? '' : printLabel(field, proto3);
  const suffix = isFieldSet(field, FieldDescriptorProtoSchema.field.defaultValue)
    ? ` [default = ${printDefault(field)}]`
    : '';
  return `${label}${type} ${field.name} = ${field.number}${suffix};`;
}

// Zero is both the first oneof and the unset value, and a proto3 optional field sits in a oneof of the compiler's own.
function oneofOf(field: FieldDescriptorProto): number | undefined {
  const inOneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) && !field.proto3Optional;
  return inOneof ? field.oneofIndex : undefined;
}

function printLabel(field: FieldDescriptorProto, proto3: boolean): string {
  if (field.label === Label.REPEATED) return 'repeated ';
  if (field.label === Label.REQUIRED) return 'required ';
  return proto3 && !field.proto3Optional ? '' : 'optional ';
}

function printType(field: FieldDescriptorProto): string {
  if (field.type === Type.GROUP) throw new Error(`${field.name}: groups are not supported`);
  return SCALARS[field.type] ?? field.typeName;
}

function printDefault(field: FieldDescriptorProto): string {
  // A descriptor holds the default of a bytes field already escaped, that of a string field as it is.
  if (field.type === Type.BYTES) return `"${field.defaultValue}"`;
  return field.type === Type.STRING ? JSON.stringify(field.defaultValue) : field.defaultValue;
}

function printReserved(
  ranges: readonly { start: number; end: number }[],
  max: number,
  endIsExclusive: boolean,
  names: readonly string[],
): string[] {
  return [
    ...ranges.map(({ start, end }) => `reserved ${printRange({ start, end: endIsExclusive ? end : end + 1 }, max)};`),
    ...(names.length === 0 ? [] : [`reserved ${names.map((name) => `"${name}"`).join(', ')};`]),
  ];
}

function printRange({ start, end }: Pick<DescriptorProto_ExtensionRange, 'start' | 'end'>, max: number): string {
  const last = end - 1;
  if (last === start) return `${start}`;
  return `${start} to ${last === max ? 'max' : last}`;
}

function block(head: string, body: readonly string[]): string[] {
  return [`${head} {`, ...body.map((line) => `  ${line}`), '}'];
}
