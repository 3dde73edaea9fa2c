import {
  type DescField,
  type DescMessage,
  type DescMethod,
  fromBinary,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { BinaryWriter, type WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { arbitraryMessage } from '../contract/arbitrary.ts';
import { mutated } from './mutations.ts';

/** A request to send, and the field that has to be named when it must be refused for what it is made of. */
export interface FuzzRequest {
  readonly kind: string;
  readonly method: DescMethod;
  readonly bytes: Uint8Array;
  readonly refusedFor?: string;
}

/** Texts of the running system by the names of fields that take them: ids that exist. */
export type KnownTexts = Readonly<Record<string, readonly string[]>>;

/** Stands in fields that the contract redacts, so that it is found where it must not be. */
export const SECRET_MARK = 'zq7fuzz';

const HOSTILE = [
  '',
  ' ',
  "'; DROP TABLE product; --",
  '%',
  '\\',
  '$1',
  '\u0000',
  '‮desrever',
  '👩‍👩‍👧‍👦',
  '\ufeff',
  '__proto__',
  'null',
  'NaN',
  '-1',
  '1e309',
  '../../etc/passwd',
  '{"$ne":1}',
  'a'.repeat(255),
  'é'.repeat(255),
  '(((((((((((((((((((((',
  '& | ! :* <->',
  Buffer.from('[]').toString('base64url'),
  Buffer.from('["x"]').toString('base64url'),
  Buffer.from('["0.1","A"]').toString('base64url'),
  Buffer.from('["99999999999999","11111111-1111-4111-8111-111111111111"]').toString('base64url'),
  Buffer.from('["1e400","A"]').toString('base64url'),
];

const ANY_TEXT = fc.string({ unit: 'binary', maxLength: 300 });

// What a field of this name takes, so that requests come past the rules.
const PLAUSIBLE: Readonly<Record<string, fc.Arbitrary<string>>> = {
  email: fc.stringMatching(/^[a-z0-9]{1,12}$/).map((name) => `${SECRET_MARK}.${name}@fuzz.example`),
  full_name: fc.string({ minLength: 1, maxLength: 40 }).map((name) => `${SECRET_MARK} ${name}`),
  // Few that pass: hashing one takes longer than all the rest.
  password: fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    fc.string({ maxLength: 20 }).map((text) => `${SECRET_MARK}${text}`),
  ),
  idempotency_key: fc.stringMatching(/^[a-z0-9]{16,40}$/),
  payment_method_token: fc.constantFrom('tok_approved', 'tok_declined', `tok_${SECRET_MARK}`),
  recipient: fc.constant(`${SECRET_MARK} recipient`),
  street: fc.constant(`${SECRET_MARK} street`),
  city: fc.constant(`${SECRET_MARK} city`),
  postal_code: fc.constantFrom(
    'SIM-REFUSED',
    'SIM-TIMEOUT-ACCEPTED',
    'SIM-TIMEOUT-REFUSED',
    'SIM-DELAYED',
    SECRET_MARK,
  ),
  country_code: fc.constantFrom('GB', 'XX'),
  currency_code: fc.constantFrom('GBP', 'EUR', 'XXX'),
  reason: fc.constantFrom('OUT_OF_STOCK', 'X'),
  page_token: fc.constantFrom(...HOSTILE),
  resume_token: fc.constantFrom('', '0', '1', '-1', '18446744073709551616', 'x'),
};

const INT64 = [
  0n,
  1n,
  -1n,
  2n,
  10n,
  1_000n,
  10_000_000n,
  1_000_000_000n,
  2n ** 31n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const INT32 = [0, 1, -1, 2, 100, 1000, 1001, 2 ** 31 - 1, -(2 ** 31)];

/** Any request of any method of a service, from nothing at all to one that should succeed. */
export function arbitraryRequest(methods: readonly DescMethod[], known: KnownTexts): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(...methods.map((method) => requestOf(method, known)));
}

function requestOf(method: DescMethod, known: KnownTexts): fc.Arbitrary<FuzzRequest> {
  const desc = method.input;
  const plausible = plausibleBytes(desc, known);
  const random = arbitraryMessage(desc).map((message) => toBinary(desc, message));
  const both = fc.oneof(plausible, random).map((bytes): [DescMessage, Uint8Array] => [desc, bytes]);
  const withUnknown = fc.tuple(plausible, unknownFields()).map((parts) => Buffer.concat(parts));
  const sent = (weight: number, kind: string, bytes: fc.Arbitrary<Uint8Array>) => ({
    weight,
    arbitrary: bytes.map((some): FuzzRequest => ({ kind, method, bytes: some })),
  });
  return fc.oneof(
    sent(200, 'empty', fc.constant(new Uint8Array())),
    sent(800, 'noise', fc.uint8Array({ maxLength: 300 })),
    sent(1500, 'random', random),
    sent(4000, 'plausible', plausible),
    sent(
      2000,
      'mutated',
      mutated(both).map(([, bytes]) => bytes),
    ),
    sent(500, 'unknown fields', withUnknown),
    // Some requests have nothing that could be wrong.
    ...(method.input.fields.length > 0 ? [{ weight: 2000, arbitrary: brokenField(method, plausible) }] : []),
    ...(textsOf(method).length > 0 ? [{ weight: 2, arbitrary: oversized(method, plausible) }] : []),
  );
}

function plausibleBytes(desc: DescMessage, known: KnownTexts): fc.Arbitrary<Uint8Array> {
  const fields = desc.fields.map((field) =>
    fc.option(plausibleField(field, known), { freq: 12, nil: new Uint8Array() }),
  );
  return fc.tuple(...fields).map((parts) => Buffer.concat(parts));
}

function plausibleField(field: DescField, known: KnownTexts): fc.Arbitrary<Uint8Array> {
  if (field.fieldKind !== 'list') return plausibleElement(field, known);
  const items = fc.array(plausibleElement(field, known), { minLength: 1, maxLength: 4 });
  return items.map((parts) => Buffer.concat(parts));
}

function plausibleElement(field: DescField, known: KnownTexts): fc.Arbitrary<Uint8Array> {
  const delimited = (bytes: Uint8Array) =>
    new BinaryWriter()
      .uint32((field.number << 3) | 2)
      .bytes(bytes)
      .finish();
  const varint = (value: bigint) =>
    new BinaryWriter()
      .uint32(field.number << 3)
      .int64(value)
      .finish();
  if (field.message) return plausibleBytes(field.message, known).map(delimited);
  if (field.enum) {
    const numbers = field.enum.values.map(({ number }) => number);
    return fc
      .oneof({ weight: 9, arbitrary: fc.constantFrom(...numbers) }, fc.constantFrom(99, -1, 2 ** 31 - 1))
      .map((number) => varint(BigInt(number)));
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return plausibleText(field, known).map((text) => delimited(Buffer.from(text)));
    case ScalarType.BOOL:
      return fc.boolean().map((value) => varint(value ? 1n : 0n));
    case ScalarType.INT32:
      return fc
        .oneof(fc.constantFrom(...INT32), fc.integer({ min: 0, max: 100 }))
        .map((value) => varint(BigInt(value)));
    default:
      return fc
        .oneof(fc.constantFrom(...INT64), { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 20n }) })
        .map(varint);
  }
}

function plausibleText(field: DescField, known: KnownTexts): fc.Arbitrary<string> {
  const name = field.name.replace(/s$/, '');
  const plausible = PLAUSIBLE[name];
  const ids = known[name];
  const usual =
    plausible ?? (name.endsWith('_id') ? fc.uuid() : fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/));
  return fc.oneof(
    { weight: 12, arbitrary: usual },
    { weight: ids ? 12 : 0, arbitrary: fc.constantFrom(...(ids ?? [''])) },
    { weight: 2, arbitrary: fc.constantFrom(...HOSTILE) },
    { weight: 1, arbitrary: ANY_TEXT },
  );
}

/** A request in which one field is certainly broken, which has to be named. */
function brokenField(method: DescMethod, plausible: fc.Arbitrary<Uint8Array>): fc.Arbitrary<FuzzRequest> {
  const candidates = method.input.fields.flatMap((field) => breakages(field).map((one) => [field, one] as const));
  return fc.tuple(plausible, fc.constantFrom(...candidates)).map(([bytes, [field, { kind, part }]]) => ({
    kind,
    method,
    // In front, where nothing else can be named before it.
    bytes: Buffer.concat([part, bytes]),
    refusedFor: field.name,
  }));
}

interface Breakage {
  readonly kind: string;
  readonly part: Uint8Array;
}

function breakages(field: DescField): Breakage[] {
  const written = (type: WireType) => new BinaryWriter().uint32((field.number << 3) | type);
  const isText = field.scalar === ScalarType.STRING;
  const delimited = field.message !== undefined || isText;
  const found: Breakage[] = [
    { kind: 'wrong wire type', part: delimited ? written(0).int32(1).finish() : written(5).fixed32(1).finish() },
    { kind: 'wrong wire type', part: written(1).fixed64(1n).finish() },
  ];
  if (!delimited) {
    found.push({ kind: 'wrong wire type', part: written(2).string('1').finish() });
    found.push({ kind: 'endless number', part: written(0).raw(new Uint8Array(11).fill(0xff)).finish() });
  }
  if (isText) {
    found.push({ kind: 'bad UTF-8', part: written(2).bytes(Uint8Array.of(0xc3, 0x28)).finish() });
    found.push({
      kind: 'bad UTF-8',
      part: written(2)
        .bytes(Uint8Array.of(0xed, 0xa0, 0x80))
        .finish(),
    });
  }
  if (field.message) found.push({ kind: 'no message', part: written(2).bytes(Uint8Array.of(0x0a, 0x7f)).finish() });
  if (field.fieldKind === 'list') {
    const empty = written(2).uint32(0).finish();
    found.push({ kind: 'endless list', part: Buffer.concat(Array<Uint8Array>(5000).fill(empty)) });
  }
  return found;
}

const textsOf = (method: DescMethod) => method.input.fields.filter((field) => field.scalar === ScalarType.STRING);

function oversized(method: DescMethod, plausible: fc.Arbitrary<Uint8Array>): fc.Arbitrary<FuzzRequest> {
  const size = fc.integer({ min: 100_000, max: 4_000_000 });
  return fc
    .tuple(plausible, fc.constantFrom(...textsOf(method)), size, fc.constantFrom('x', '4 ', 'a-'))
    .map(([bytes, field, length, unit]) => {
      const text = unit.repeat(length / unit.length);
      const part = new BinaryWriter()
        .uint32((field.number << 3) | 2)
        .string(text)
        .finish();
      return { kind: 'oversized', method, bytes: Buffer.concat([bytes, part]), refusedFor: field.name };
    });
}

function unknownFields(): fc.Arbitrary<Uint8Array> {
  const one = fc
    .tuple(fc.integer({ min: 1000, max: 2 ** 29 - 1 }), fc.uint8Array({ maxLength: 40 }))
    .map(([number, bytes]) =>
      new BinaryWriter()
        .uint32(((number << 3) | 2) >>> 0)
        .bytes(bytes)
        .finish(),
    );
  const groups = fc
    .integer({ min: 1, max: 120 })
    .map((depth) => Buffer.concat([Buffer.alloc(depth, 0x7b), Buffer.alloc(depth, 0x7c)]));
  const many = fc.integer({ min: 1, max: 2000 }).map((count) => Buffer.alloc(count * 2, Uint8Array.of(0x78, 1)));
  return fc.oneof(
    fc.array(one, { minLength: 1, maxLength: 5 }).map((parts) => Buffer.concat(parts)),
    groups,
    many,
  );
}

/** For reports: what a request says, as far as it can be read. */
export function readable({ method, bytes }: FuzzRequest): string {
  try {
    const text = JSON.stringify(fromBinary(method.input, bytes), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    return text.slice(0, 500);
  } catch {
    return Buffer.from(bytes.subarray(0, 100)).toString('hex');
  }
}
