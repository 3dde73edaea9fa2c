import { type DescMessage, equals, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestDecoder } from '../../kit/src/rpc/validation.ts';
import { walkWire } from '../../kit/src/rpc/wire.ts';
import { arbitraryMessage } from '../contract/arbitrary.ts';
import { codecOf, messages } from '../contract/contracts.ts';
import { mutated } from './mutations.ts';

// Printed by fast-check when a property fails; the same one each time, so that CI tells the truth about a change.
const SEED = 20261121;
const options = (numRuns: number) => ({ seed: SEED, numRuns });

const encoded: fc.Arbitrary<[DescMessage, Uint8Array]> = fc.constantFrom(...messages).chain((desc) =>
  fc.tuple(
    fc.constant(desc),
    arbitraryMessage(desc).map((message) => toBinary(desc, message)),
  ),
);

/** What each codec reads of the bytes; undefined where it cannot. */
function readings(desc: DescMessage, bytes: Uint8Array) {
  const attempt = <T>(read: () => T) => {
    try {
      return read();
    } catch {
      return undefined;
    }
  };
  const codec = codecOf(desc.typeName);
  return {
    validated: attempt(() => fromBinary(desc, bytes)),
    handled: attempt(() => fromBinary(desc, codec.encode(codec.decode(bytes)).finish())),
  };
}

describe('a request’s bytes', () => {
  it('pass as they are encoded, whatever is in them but a NUL', () => {
    fc.assert(
      fc.property(encoded, ([desc, bytes]) => {
        const malformed = walkWire(desc, bytes).malformed;
        // PostgreSQL keeps every other character.
        if (malformed?.rule !== 'string.nul') expect(malformed).toBeUndefined();
        else expect(bytes).toContain(0);
      }),
      options(3000),
    );
  });

  it('that pass are the same to the codec that validates and to the one that handles', () => {
    let passed = 0;
    fc.assert(
      fc.property(mutated(encoded), ([desc, bytes]) => {
        if (walkWire(desc, bytes).malformed) return;
        passed++;
        const { validated, handled } = readings(desc, bytes);
        if (!validated || !handled)
          throw new Error(`${desc.typeName} ${Buffer.from(bytes).toString('hex')} is not read`);
        expect(equals(desc, validated, handled)).toBe(true);
      }),
      options(20_000),
    );
    // Enough of both kinds, or this says nothing.
    expect(passed).toBeGreaterThan(2000);
    expect(passed).toBeLessThan(18_000);
  });

  it('never make the decoder throw, and are refused with a field when they do not pass', () => {
    const noise = fc.tuple(fc.constantFrom(...messages), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(fc.oneof(noise, mutated(encoded)), ([desc, bytes]) => {
        const { decoded } = requestDecoder(
          desc,
          (some) => codecOf(desc.typeName).decode(some) as object,
        )(Buffer.from(bytes));
        if ('message' in decoded) return;
        const text = expect.stringMatching(/./);
        expect(decoded.malformed).toEqual({ field: expect.any(String), rule: text, description: text });
      }),
      options(10_000),
    );
  });
});

describe('a message that is sent in parts', () => {
  const desc = messages.find(({ typeName }) => typeName === 'weft.catalog.v1.CreateProductRequest') as DescMessage;
  const price = (write: (money: BinaryWriter) => BinaryWriter) =>
    new BinaryWriter()
      .uint32((5 << 3) | 2)
      .bytes(write(new BinaryWriter()).finish())
      .finish();

  it('is refused: one codec merges the parts, the other keeps the last', () => {
    const parts = [price((money) => money.uint32(10).string('GBP')), price((money) => money.uint32(16).int64(5n))];
    expect(parts.map((part) => walkWire(desc, part).malformed)).toEqual([undefined, undefined]);
    expect(walkWire(desc, Buffer.concat(parts)).malformed).toMatchObject({ field: 'price', rule: 'wire.repeated' });
  });
});
