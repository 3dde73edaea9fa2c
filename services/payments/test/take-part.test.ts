import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ProviderTimeout } from '../src/app/ports.ts';
import { takePart } from '../src/app/take-part.ts';
import type { PartFacts } from '../src/domain/part.ts';
import { LedgerProvider } from './ledger-provider.ts';
import { MemoryStore } from './memory-store.ts';

const PLACED: PartFacts = {
  placed: { customerId: 'c', currencyCode: 'GBP', minorUnits: '500', token: 'tok_ok' },
};

/** Payments of one choreographed order, which is told facts and acts on them. */
class Part {
  readonly provider = new LedgerProvider();
  readonly store = new MemoryStore(async () => {});
  facts: PartFacts = {};

  learn(fact: PartFacts, tries = 0): Promise<readonly string[]> {
    this.facts = { ...fact, ...this.facts };
    const note = async (_: string, noted: PartFacts) => {
      this.facts = { ...noted, ...this.facts };
    };
    const app = { store: this.store, provider: this.provider, now: () => new Date(0), note };
    return takePart(app, { id: 'o', facts: this.facts, tries });
  }

  get payment() {
    return this.store.payments.get('o');
  }
}

describe('payments of a choreographed order', () => {
  it('authorize when it is placed and reserved, and capture when it is shipped, whatever came first or twice', async () => {
    const facts = fc.shuffledSubarray([PLACED, { reserved: true }, { shipped: true }] as PartFacts[], { minLength: 3 });
    await fc.assert(
      fc.asyncProperty(facts, facts, async (first, again) => {
        const part = new Part();
        for (const fact of [...first, ...again]) await part.learn(fact);
        expect(part.payment).toMatchObject({ status: 'captured', captured: 500n, version: 2n });
        expect(part.provider.asked).toEqual(['o:authorize', 'o:capture']);
      }),
    );
  });

  it('keep how it is paid no longer than until the provider has answered', async () => {
    const part = new Part();
    expect(await part.learn(PLACED)).toEqual([]);
    expect(await part.learn({ reserved: true })).toEqual(['placed']);
    const short = new Part();
    await short.learn(PLACED);
    expect(await short.learn({ notReserved: true })).toEqual(['placed']);
    expect([short.payment, short.provider.asked]).toEqual([undefined, []]);
  });

  it('void what is cancelled before the capture, also what was never asked for, and refund it after it', async () => {
    const unseen = new Part();
    await unseen.learn({ cancelled: true });
    for (const fact of [PLACED, { reserved: true } as const]) await unseen.learn(fact);
    expect([unseen.payment?.status, unseen.provider.asked]).toEqual(['voided', []]);
    const held = new Part();
    for (const fact of [PLACED, { reserved: true }, { cancelled: true }, { shipped: true }] as PartFacts[])
      await held.learn(fact);
    expect(held.payment?.status).toBe('voided');
    const taken = new Part();
    for (const fact of [PLACED, { reserved: true }, { shipped: true }, { cancelled: true }] as PartFacts[])
      await taken.learn(fact);
    expect(taken.payment).toMatchObject({ status: 'captured', refunded: 0n });
    for (const fact of [{ notShipped: true }, { notShipped: true }] as const) await taken.learn(fact);
    expect(taken.payment).toMatchObject({ status: 'captured', refunded: 500n });
    expect([...unseen.provider.offences, ...held.provider.offences, ...taken.provider.offences]).toEqual([]);
  });

  it('give up with a reason when the provider does not answer in ten tries, and never in the capture', async () => {
    const part = new Part();
    await part.learn(PLACED);
    part.provider.after = () => {
      throw new ProviderTimeout();
    };
    await expect(part.learn({ reserved: true }, 8)).rejects.toHaveProperty('cause', expect.any(ProviderTimeout));
    expect(await part.learn({}, 9)).toEqual(['placed']);
    expect(part.payment?.status).toBe('voided');
    expect(part.store.events).toMatchObject([{ type: 'payment-changed', reason: 'PROVIDER_TIMEOUT' }]);

    const paid = new Part();
    for (const fact of [PLACED, { reserved: true }] as PartFacts[]) await paid.learn(fact);
    paid.provider.after = part.provider.after;
    await expect(paid.learn({ shipped: true }, 50)).rejects.toHaveProperty('cause', expect.any(ProviderTimeout));
    await expect(paid.learn({ cancelled: true }, 50)).rejects.toHaveProperty('cause', expect.any(ProviderTimeout));
    paid.provider.after = () => {};
    await paid.learn({});
    expect(paid.payment?.status).toBe('captured');
  });
});
