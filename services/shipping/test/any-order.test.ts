import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import fc from 'fast-check';
import { cancelShipment } from '../src/app/cancel-shipment.ts';
import { createShipment } from '../src/app/create-shipment.ts';
import { dispatchDue, releaseShipment } from '../src/app/dispatch.ts';
import { CarrierTimeout, type ShippingApp } from '../src/app/ports.ts';
import { withdrawDue } from '../src/app/withdraw.ts';
import type { Shipment, Terms } from '../src/domain/shipment.ts';
import { LedgerCarrier } from './ledger-carrier.ts';
import { MemoryStore } from './memory-store.ts';

type Step = 'create' | 'cancel' | 'confirm' | 'dispatch' | 'withdraw';
const step = fc.constantFrom<Step>('create', 'create', 'cancel', 'confirm', 'dispatch', 'withdraw');
/** What happens to a call to the carrier; `dies`: the process ends before it notes the answer. */
const fault = fc.constantFrom('none', 'none', 'none', 'question lost', 'answer lost', 'dies');

class ProcessEnded extends Error {}

class Depot {
  readonly carrier = new LedgerCarrier();
  readonly store: MemoryStore;
  readonly app: ShippingApp;
  readonly terms: Terms;
  time = 0;
  confirmed = false;

  constructor(refused: boolean, delayMs: number, faults: readonly string[], turn: () => Promise<void>) {
    this.store = new MemoryStore(turn);
    this.app = { store: this.store, carrier: this.carrier, now: () => new Date(this.time++) };
    const address = { recipient: '', street: '', city: '', postalCode: refused ? 'NOWHERE' : 'X', countryCode: 'GB' };
    this.terms = { orderId: 's', customerId: 'c', lines: [], delivered: true, address };
    this.carrier.collectsAfterMs = delayMs;
    let calls = 0;
    const fates: string[] = [];
    this.carrier.before = async () => {
      const fate = faults[calls++] ?? 'none';
      await turn();
      if (fate === 'question lost') throw new CarrierTimeout();
      fates.push(fate);
    };
    this.carrier.after = async () => {
      const fate = fates.shift();
      await turn();
      if (fate === 'answer lost') throw new CarrierTimeout();
      if (fate === 'dies') throw new ProcessEnded();
    };
  }

  get shipment(): Shipment | undefined {
    return this.store.shipments.get('s');
  }

  /** Refusals and time-outs are answers; anything else is a defect. */
  async take(one: Step): Promise<void> {
    try {
      if (one === 'create') await createShipment(this.app, 's', this.terms);
      else if (one === 'cancel') await cancelShipment(this.app, 's');
      else if (one === 'dispatch') await dispatchDue(this.app);
      else if (one === 'withdraw') await withdrawDue(this.app);
      else if (this.shipment?.status === 'accepted') {
        // Orders confirms what checkout has had accepted.
        this.confirmed = true;
        await this.store.transaction((tx) => releaseShipment(tx, 's', this.app.now(), {}));
      }
    } catch (error) {
      if (!(error instanceof DomainError) && !(error instanceof ProcessEnded)) throw error;
    }
  }

  /** The caller repeats what it was not told the end of, and time goes by. */
  async settle(steps: readonly Step[]): Promise<void> {
    this.carrier.before = () => {};
    this.carrier.after = () => {};
    const open = !this.shipment || this.shipment.status === 'pending';
    if (open && steps.includes('create')) await this.take('create');
    this.time += 3_600_000;
    await this.take('dispatch');
    await this.take('withdraw');
  }

  assertSound(): void {
    const versions = this.store.published.map(({ version }) => version);
    expect(versions).toEqual(versions.map((_, index) => BigInt(index + 1)));
    expect(this.shipment?.version ?? 0n).toBe(BigInt(versions.length));
    const statuses = this.store.published.map(({ status }) => status);
    expect(statuses.includes('dispatched') && statuses.includes('cancelled')).toBe(false);
    if (statuses.includes('dispatched')) expect(this.confirmed).toBe(true);
  }

  assertCarrierAgrees(): void {
    const { shipment } = this;
    if (!shipment) return;
    const holds = this.carrier.bookings.get('s');
    const expected = { accepted: ['held'], dispatched: ['held'], rejected: ['refused'] } as Record<string, unknown[]>;
    expect(expected[shipment.status] ?? [undefined, 'withdrawn', 'refused']).toContain(holds);
    expect(shipment.withdrawAt).toBeUndefined();
    expect(shipment.dispatchAt).toBeUndefined();
    if (this.confirmed) expect(['dispatched', 'cancelled']).toContain(shipment.status);
  }
}

describe('a shipment, whatever is asked of it', () => {
  const cases = [fc.boolean(), fc.constantFrom(0, 5), fc.array(fault, { maxLength: 10 })] as const;

  it('leaves or is cancelled, never both, and the carrier holds what it should in the end', async () => {
    await fc.assert(
      fc.asyncProperty(...cases, fc.array(step, { maxLength: 14 }), async (refused, delay, faults, steps) => {
        const depot = new Depot(refused, delay, faults, async () => {});
        for (const one of steps) {
          await depot.take(one);
          depot.assertSound();
        }
        await depot.settle(steps);
        depot.assertSound();
        depot.assertCarrierAgrees();
      }),
      { numRuns: 400 },
    );
  });

  it('keeps that promise when its calls are answered at the same time, in any order', async () => {
    const many = fc.array(step, { minLength: 2, maxLength: 8 });
    const before = fc.constantFrom<Step[]>([], ['create'], ['create', 'confirm']);
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        before,
        ...cases,
        many,
        async (scheduler, first, refused, delay, faults, steps) => {
          let scheduled = false;
          const turn = () => (scheduled ? scheduler.schedule(Promise.resolve()) : Promise.resolve());
          const depot = new Depot(refused, delay, [...first.map(() => 'none'), ...faults], turn);
          for (const one of first) await depot.take(one);
          scheduled = true;
          await scheduler.waitFor(Promise.all(steps.map((one) => depot.take(one).then(() => depot.assertSound()))));
          scheduled = false;
          await depot.settle([...first, ...steps]);
          depot.assertSound();
          depot.assertCarrierAgrees();
        },
      ),
      { numRuns: 500 },
    );
  });
});
