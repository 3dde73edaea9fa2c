import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { assertPlain } from './plain.ts';

const MAX_DEPTH = 3;
const MAX_ITEMS = 3;

/** Any message of a descriptor: fields set or not, enum values known or not, lists of up to three, maps of at most one. */
export function arbitraryMessage(desc: DescMessage): fc.Arbitrary<Message> {
  return arbitraryInit(desc, 0).map((init) => create(desc, init));
}

function arbitraryInit(desc: DescMessage, depth: number): fc.Arbitrary<Record<string, unknown>> {
  assertPlain(desc);
  const members = desc.members.map((member) => {
    const value =
      member.kind === 'oneof'
        ? fc.oneof(...member.fields.map((field) => oneofInit(field, depth)))
        : arbitraryField(member, depth);
    return [member.localName, fc.option(value, { nil: undefined })] as const;
  });
  return fc.record(Object.fromEntries(members));
}

function oneofInit(field: DescField, depth: number): fc.Arbitrary<unknown> {
  return arbitraryField(field, depth).map((value) => (value === undefined ? value : { case: field.localName, value }));
}

function arbitraryField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message && depth >= MAX_DEPTH) return fc.constant(undefined);
  const element = arbitraryElement(field, depth);
  switch (field.fieldKind) {
    case 'list':
      return fc.array(element, { maxLength: MAX_ITEMS });
    case 'map':
      return arbitraryMap(arbitraryScalar(field.mapKey), element);
    default:
      return element;
  }
}

// Of a map entry protobuf-es writes a zero key or value and ts-proto does not: both are right, the bytes differ. A key
// __proto__ is lost by ts-proto, whose maps are plain objects.
function arbitraryMap(key: fc.Arbitrary<unknown>, value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const isZero = (candidate: unknown) => !candidate || (candidate instanceof Uint8Array && candidate.length === 0);
  const keys = key.filter((candidate) => candidate !== '__proto__');
  return fc
    .option(fc.tuple(keys, value), { nil: undefined })
    .map((entry) => (entry && !entry.some(isZero) ? { [String(entry[0])]: entry[1] } : {}));
}

function arbitraryElement(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message) return arbitraryInit(field.message, depth + 1);
  if (field.enum) return fc.oneof(fc.constantFrom(...field.enum.values.map((value) => value.number)), int32());
  return arbitraryScalar(field.scalar ?? ScalarType.STRING);
}

function int32(): fc.Arbitrary<number> {
  return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
}

// A negative zero is written by neither generator, and NaN equals nothing.
function real(arbitrary: fc.Arbitrary<number>): fc.Arbitrary<number> {
  return arbitrary.map((value) => (Object.is(value, -0) ? 0 : value));
}

function arbitraryScalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return fc.string({ unit: 'binary' });
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 64 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.DOUBLE:
      return real(fc.double({ noNaN: true }));
    case ScalarType.FLOAT:
      return real(fc.float({ noNaN: true }));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return int32();
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    default:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  }
}
