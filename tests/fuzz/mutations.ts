import type { DescMessage } from '@bufbuild/protobuf';
import fc from 'fast-check';

type Encoded = readonly [DescMessage, Uint8Array];

/** What breaks encodings in practice and in attacks: tags, lengths and ends that do not fit. */
const NASTY: readonly Uint8Array[] = [
  [0x00],
  [0x07],
  [0x0b],
  [0x0c],
  [0x0f],
  [0x08, 0x01],
  [0x0a, 0x00],
  [0x12, 0x00],
  [0x0a, 0x01, 0xff],
  [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x0d, 0x01, 0x02, 0x03, 0x04],
  [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
  [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x8a, 0x80, 0x00, 0x00],
  [0x8a, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00],
  [0x8a, 0x80, 0x80, 0x80, 0x10, 0x00],
  [0x8a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00],
  [0xfb, 0x07, 0xfc, 0x07],
  [0xfb, 0x07, 0x00, 0xfc, 0x07],
  [0xfb, 0x07, 0x0c],
  Array<number>(70).fill(0x7b),
  [...Array<number>(60).fill(0x7b), ...Array<number>(60).fill(0x7c)],
  [...Array<number>(99).fill(0x7b), ...Array<number>(99).fill(0x7c)],
].map((bytes) => Uint8Array.from(bytes));

type Mutation = (bytes: Uint8Array, other: Uint8Array, at: number, value: number) => Uint8Array;

const insert = (bytes: Uint8Array, at: number, part: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);

const MUTATIONS: readonly Mutation[] = [
  (bytes) => bytes,
  (bytes, _, at, value) => bytes.map((byte, index) => (index === at ? value : byte)),
  (bytes, _, at, value) => bytes.map((byte, index) => (index === at ? byte ^ (1 << (value & 7)) : byte)),
  (bytes, _, at) => bytes.subarray(0, at),
  (bytes, _, at, value) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + (value & 7))]),
  (bytes, _, at, value) => insert(bytes, at, Uint8Array.of(value)),
  (bytes, _, at, value) => insert(bytes, at, NASTY[value % NASTY.length] ?? bytes),
  (bytes, _, __, value) => insert(bytes, bytes.length, NASTY[value % NASTY.length] ?? bytes),
  (bytes, _, at) => insert(bytes, at, bytes.subarray(0, at)),
  (bytes, other) => Buffer.concat([bytes, other]),
  (bytes, other, at) => Buffer.concat([bytes.subarray(0, at), other]),
  (bytes) => Buffer.concat([bytes, bytes]),
];

/** Encoded messages after up to three things have gone wrong with them. */
export function mutated(encoded: fc.Arbitrary<[DescMessage, Uint8Array]>): fc.Arbitrary<Encoded> {
  const step = fc.record({
    mutation: fc.constantFrom(...MUTATIONS),
    other: fc.uint8Array({ maxLength: 20 }),
    where: fc.double({ min: 0, max: 1, noNaN: true }),
    value: fc.nat(255),
  });
  return fc.tuple(encoded, fc.array(step, { minLength: 1, maxLength: 3 })).map(([[desc, bytes], steps]) => {
    const broken = steps.reduce<Uint8Array>((sofar, { mutation, other, where, value }) => {
      return mutation(sofar, other, Math.floor(where * sofar.length), value);
    }, bytes);
    return [desc, broken] as const;
  });
}
