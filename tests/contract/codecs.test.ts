import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescMessage, equals, fromBinary, fromJson, type Message, toBinary, toJson } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { arbitraryMessage } from './arbitrary.ts';
import { codecOf, messages } from './contracts.ts';
import { GOLDEN, goldenNames, renderGolden } from './golden.ts';
import { fromTsProto } from './plain.ts';
import { sample } from './sample.ts';

const named = messages.map((desc) => [desc.typeName, desc] as const);

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Gives a message, and every message in it, fields of each wire type that its descriptor does not know. */
function addUnknownFields(message: ReflectMessage): void {
  // ts-proto makes a field mask an array of paths, which has no place for them.
  if (message.desc.typeName === 'google.protobuf.FieldMask') return;
  message.setUnknown([
    { no: 100_001, wireType: WireType.Varint, data: new BinaryWriter().uint64(2n ** 60n).finish() },
    { no: 100_002, wireType: WireType.Bit64, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    { no: 100_003, wireType: WireType.LengthDelimited, data: new BinaryWriter().string('from tomorrow').finish() },
    { no: 100_004, wireType: WireType.Bit32, data: Uint8Array.of(1, 2, 3, 4) },
  ]);
  for (const field of message.fields.filter((candidate) => message.isSet(candidate))) {
    if (field.fieldKind === 'message') addUnknownFields(message.get(field));
    if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const element of message.get(field)) addUnknownFields(element as ReflectMessage);
    }
  }
}

function withUnknownFields(desc: DescMessage): Message {
  const message = sample(desc);
  addUnknownFields(reflect(desc, message));
  return message;
}

describe('golden files', () => {
  it('exist for every message and for nothing else', () => {
    expect(goldenNames().toSorted()).toEqual(messages.map((desc) => desc.typeName).toSorted());
  });

  it.each(named)('%s has the bytes and the ProtoJSON that were agreed', (name, desc) => {
    const text = readFileSync(join(GOLDEN, `${name}.json`), 'utf8');
    expect(renderGolden(desc)).toBe(text);
    const golden = JSON.parse(text);
    const fromGolden = fromBinary(desc, Buffer.from(golden.hex, 'hex'));
    expect(equals(desc, fromGolden, sample(desc))).toBe(true);
    expect(equals(desc, fromJson(desc, golden.json), fromGolden)).toBe(true);
    expect(toJson(desc, fromGolden)).toEqual(golden.json);
    const codec = codecOf(name);
    expect(hex(codec.encode(codec.decode(Buffer.from(golden.hex, 'hex'))).finish())).toBe(golden.hex);
  });
});

describe('both generators', () => {
  it.each(named)('read and write the same bytes of any %s', (name, desc) => {
    const codec = codecOf(name);
    fc.assert(
      fc.property(arbitraryMessage(desc), (message) => {
        const bytes = toBinary(desc, message);
        const decoded = codec.decode(bytes);
        expect(equals(desc, fromTsProto(desc, decoded), message)).toBe(true);
        const written = codec.encode(decoded).finish();
        expect(hex(written)).toBe(hex(bytes));
        expect(equals(desc, fromBinary(desc, written), message)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it.each(named)('hand on the fields of %s that they do not know', (name, desc) => {
    const bytes = hex(toBinary(desc, withUnknownFields(desc)));
    expect(hex(toBinary(desc, fromBinary(desc, Buffer.from(bytes, 'hex'))))).toBe(bytes);
    const codec = codecOf(name);
    expect(hex(codec.encode(codec.decode(Buffer.from(bytes, 'hex'))).finish())).toBe(bytes);
  });
});
