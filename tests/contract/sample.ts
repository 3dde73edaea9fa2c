import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { assertPlain } from './plain.ts';

type Init = Record<string, unknown>;

const KNOWN: Readonly<Record<string, (number: number) => Init>> = {
  'google.protobuf.Timestamp': (number) => ({ seconds: 1_700_000_000n + BigInt(number), nanos: 123_456_789 }),
  'google.protobuf.Duration': (number) => ({ seconds: BigInt(number), nanos: 500_000_000 }),
  'google.protobuf.FieldMask': () => ({ paths: ['name', 'address.postal_code'] }),
};

/**
 * A message with every field set, from nothing but its descriptor: the same one each time. Of a oneof the first member is
 * set, of a list two elements, of a map one entry; a message inside itself is left out. It need not be valid by its rules.
 */
export function sample(desc: DescMessage): Message {
  return create(desc, sampleInit(desc, 0, []));
}

function sampleInit(desc: DescMessage, number: number, parents: readonly DescMessage[]): Init {
  const known = KNOWN[desc.typeName];
  if (known) return known(number);
  assertPlain(desc);
  const path = [...parents, desc];
  const init: Init = {};
  for (const member of desc.members) {
    if (member.kind === 'oneof') {
      const field = member.fields.find((candidate) => !isCircular(candidate, path));
      if (field) init[member.localName] = { case: field.localName, value: sampleField(field, path) };
    } else if (!isCircular(member, path)) {
      init[member.localName] = sampleField(member, path);
    }
  }
  return init;
}

function isCircular(field: DescField, path: readonly DescMessage[]): boolean {
  return field.message !== undefined && path.includes(field.message);
}

function sampleField(field: DescField, path: readonly DescMessage[]): unknown {
  switch (field.fieldKind) {
    case 'list':
      return [sampleElement(field, 0, path), sampleElement(field, 1, path)];
    case 'map':
      return { [String(sampleScalar(field.mapKey, field, 0))]: sampleElement(field, 0, path) };
    default:
      return sampleElement(field, 0, path);
  }
}

function sampleElement(field: DescField, index: number, path: readonly DescMessage[]): unknown {
  if (field.message) return sampleInit(field.message, field.number + index, path);
  if (field.enum) return field.enum.values.at(-1 - index)?.number ?? 0;
  return sampleScalar(field.scalar ?? ScalarType.STRING, field, index);
}

// Of the values a generator may get wrong: negative varints, integers over 2^53, letters of two bytes.
function sampleScalar(type: ScalarType, field: DescField, index: number): unknown {
  const number = field.number + index;
  switch (type) {
    case ScalarType.STRING:
      return `${field.name} n°${number}`;
    case ScalarType.BYTES:
      return Uint8Array.of(number, 0, 255);
    case ScalarType.BOOL:
      return true;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return number + 0.5;
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return -1000 - number;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return 4_000_000_000 + number;
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return 18_000_000_000_000_000_000n + BigInt(number);
    default:
      return -9_007_199_254_740_993n - BigInt(number);
  }
}
