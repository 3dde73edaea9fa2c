import { type DescMessage, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileRules } from '../../kit/src/rpc/rules.ts';
import { contractViolations } from '../../kit/src/rpc/validation.ts';
import { walkWire } from '../../kit/src/rpc/wire.ts';
import { codecOf, services } from './contracts.ts';
import { likely } from './likely.ts';

const inputs = services.flatMap(({ methods }) => methods.map(({ input }) => [input.typeName, input] as const));
/** Their rules include times or e-mail addresses, which protovalidate judges alone. */
const NOT_COMPILED = [
  'weft.audit.v1.ListAuditEventsRequest',
  'weft.events.v1.ReplayConsumerRequest',
  'weft.events.v1.TailEventsRequest',
  'weft.users.v1.LoginRequest',
  'weft.users.v1.RegisterRequest',
  'weft.users.v1.UpdateUserRequest',
];

const decoded = (desc: DescMessage, bytes: Uint8Array) => codecOf(desc.typeName).decode(bytes) as object;

describe('compiled rules', () => {
  it('exist for every request but those that are known', () => {
    const without = inputs.filter(([, desc]) => !compileRules(desc)).map(([name]) => name);
    expect(without.sort()).toEqual(NOT_COMPILED);
  });

  it('are kept by some of the messages that these tests draw, and broken by others', async () => {
    const drawing = inputs.map(async ([name, desc]) => {
      const messages = fc.sample(likely(desc), { numRuns: 1000, seed: 1 });
      const judging = messages.map((message) => contractViolations(desc, toBinary(desc, message)));
      const judged = (await Promise.all(judging)).map(({ length }) => length === 0);
      return { name, kept: judged.includes(true), broken: judged.includes(false) };
    });
    const drawn = await Promise.all(drawing);
    expect(drawn.filter(({ name, kept }) => !kept && !NOT_COMPILED.includes(name))).toEqual([]);
    expect(drawn.filter(({ broken }) => broken).length).toBeGreaterThan(drawn.length / 2);
  });

  it.each(inputs)('of %s accept exactly what protovalidate accepts', async (_, desc) => {
    const accepts = compileRules(desc);
    if (!accepts) return;
    await fc.assert(
      fc.asyncProperty(likely(desc), async (message) => {
        const bytes = toBinary(desc, message);
        const { malformed, mayHoldCardNumber } = walkWire(desc, bytes);
        if (malformed) return;
        const rules = (await contractViolations(desc, bytes)).map(({ rule }) => rule);
        if (rules.includes('card_number')) expect(mayHoldCardNumber).toBe(true);
        else expect(accepts(decoded(desc, bytes))).toBe(rules.length === 0);
      }),
      { numRuns: 150 },
    );
  });
});
