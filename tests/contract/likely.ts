import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';

// On both sides of the limits that contracts set, so that many messages keep all their rules.
const ID = '0198f0a0-0000-7000-8000-00000000000a';
const TEXTS = [
  ID,
  ID,
  'A-1',
  'A-1',
  'GBP',
  'tok_approved',
  'OUT_OF_STOCK',
  'B2',
  'shop',
  '',
  'no id',
  `${ID}0`,
  '💷'.repeat(8),
];
const FITTING: readonly (readonly [RegExp, string])[] = [
  [/currency_code/, 'GBP'],
  [/payment_method_token/, 'tok_approved'],
  [/product_id|stock_code/, 'A-1'],
  [/reason/, 'OUT_OF_STOCK'],
  [/^email$/, 'ada@shop.example'],
];
const LENGTHS = [7, 8, 63, 64, 65, 128, 129, 200, 201, 254, 255, 512, 513, 4000, 4001];
const text = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.constantFrom(...LENGTHS).map((length) => 'a'.repeat(length)) },
  { weight: 1, arbitrary: fc.constantFrom(...LENGTHS).map((length) => '💷'.repeat(length)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);
const NUMBERS = [
  1n,
  1n,
  1n,
  2n,
  100n,
  0n,
  -1n,
  101n,
  1000n,
  1001n,
  1_000_000n,
  1_000_001n,
  1_000_000_000n,
  1_000_000_001n,
];
const number = fc.constantFrom(...NUMBERS);

/** Messages of which many keep all their rules, and many just do not. */
export function likely(desc: DescMessage): fc.Arbitrary<Message> {
  return likelyInit(desc).map((init) => create(desc, init));
}

function likelyInit(desc: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(desc.fields.map((field) => [field.localName, likelyField(field)])));
}

function likelyField(field: DescField): fc.Arbitrary<unknown> {
  const one = likelyOne(field);
  if (field.fieldKind === 'list') return fc.array(one, { maxLength: 4 });
  const absent = field.fieldKind === 'message' || field.proto.proto3Optional ? 1 : 0;
  return fc.oneof({ weight: 8, arbitrary: one }, { weight: absent, arbitrary: fc.constant(undefined) });
}

function likelyOne(field: DescField): fc.Arbitrary<unknown> {
  if (field.message) return likelyInit(field.message);
  if (field.enum) return fc.constantFrom(0, 1, 2, 99);
  if (field.scalar === ScalarType.STRING) {
    const fitting = FITTING.find(([names]) => names.test(field.name))?.[1] ?? ID;
    return fc.oneof({ weight: 6, arbitrary: fc.constant(fitting) }, { weight: 1, arbitrary: text });
  }
  if (field.scalar === ScalarType.BOOL) return fc.boolean();
  if (field.scalar === ScalarType.INT64) return number;
  if (field.scalar === ScalarType.INT32) return number.map(Number);
  throw new Error(`${field}: no values of this kind yet`);
}
