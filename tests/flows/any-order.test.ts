import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SimulatedShop, type Surroundings } from './simulated-shop.ts';

const surroundings: fc.Arbitrary<Surroundings> = fc.record({
  inStock: fc.boolean(),
  card: fc.constantFrom('approved', 'declined'),
  carrier: fc.constantFrom('accepts', 'refuses'),
  collected: fc.boolean(),
});

/** What happens next: one of the undelivered events is given to whom it is for, lost on its way, or given and given again later. */
const turns = fc.array(fc.record({ pick: fc.nat(), fate: fc.constantFrom('given', 'lost', 'given twice', 'cancel') }), {
  maxLength: 60,
});
const patient = turns.map((all) => all.filter(({ fate }) => fate !== 'cancel'));

type Turns = readonly { readonly pick: number; readonly fate: string }[];

/** Plays the turns, and then gives what is left, as a bus does that loses nothing. */
function play(around: Surroundings, all: Turns): SimulatedShop {
  const shop = new SimulatedShop(around);
  const given: (() => void)[] = [];
  const take = (pick: number) => shop.undelivered.splice(pick % shop.undelivered.length, 1)[0] as () => void;
  for (const { pick, fate } of all) {
    if (fate === 'cancel') shop.cancel();
    else if (fate !== 'lost' && shop.undelivered.length > 0) {
      const deliver = take(pick);
      deliver();
      given.push(deliver);
      if (fate === 'given twice') shop.undelivered.push(deliver);
    }
  }
  for (let pick = 1; shop.undelivered.length > 0; pick += 7) {
    const deliver = take(pick);
    deliver();
    given.push(deliver);
  }
  // Late events after the end.
  for (const deliver of given) deliver();
  while (shop.undelivered.length > 0) take(0)();
  return shop;
}

const endOf = ({ order, payment, onHand, reserved }: SimulatedShop) => ({
  status: order.status,
  reason: order.reason,
  refunded: order.refunded,
  kept: (payment?.captured ?? 0n) - (payment?.refunded ?? 0n),
  onHand,
  reserved,
});

const REFUSALS = [
  [({ inStock }: Surroundings) => !inStock, 'OUT_OF_STOCK'],
  [({ card }: Surroundings) => card === 'declined', 'CARD_DECLINED'],
  [({ carrier }: Surroundings) => carrier === 'refuses', 'ADDRESS_NOT_SERVED'],
] as const;

describe('a choreographed order, whatever the order in which its events come, twice, or late,', () => {
  it('ends in one state, which its surroundings alone decide', () => {
    fc.assert(
      fc.property(surroundings, patient, (around, all) => {
        const [, reason] = REFUSALS.find(([applies]) => applies(around)) ?? [];
        const untouched = { refunded: 0n, kept: 0n, onHand: 10n, reserved: 0n };
        const sold = { ...untouched, reason: '', kept: 500n, onHand: 8n };
        expect(endOf(play(around, all))).toEqual(
          reason
            ? { ...untouched, status: 'rejected', reason }
            : { ...sold, status: around.collected ? 'completed' : 'confirmed' },
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('that is cancelled at any time ends with money and stock that agree', () => {
    fc.assert(
      fc.property(surroundings, turns, (around, all) => {
        const end = endOf(play(around, all));
        const asked = all.some(({ fate }) => fate === 'cancel');
        const ends = ['completed', 'rejected', 'cancelled', ...(asked ? [] : ['confirmed'])];
        expect(ends).toContain(end.status);
        const sold = end.status === 'completed' || end.status === 'confirmed';
        expect(end).toMatchObject(sold ? { kept: 500n, onHand: 8n } : { kept: 0n, onHand: 10n });
        expect(end.reserved).toBe(0n);
        if (sold || end.status === 'rejected') expect(end.refunded).toBe(0n);
      }),
      { numRuns: 3000 },
    );
  });
});
