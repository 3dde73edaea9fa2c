import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import fc from 'fast-check';
import { authorize } from '../src/app/authorize.ts';
import { capturePayment } from '../src/app/capture.ts';
import { type PaymentsApp, ProviderTimeout } from '../src/app/ports.ts';
import { refundPayment } from '../src/app/refund.ts';
import { releaseDue } from '../src/app/release.ts';
import { voidPayment } from '../src/app/void.ts';
import type { Payment } from '../src/domain/payment.ts';
import { LedgerProvider } from './ledger-provider.ts';
import { MemoryStore } from './memory-store.ts';

const AMOUNT = 10n;
const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('authorize'),
      token: fc.constantFrom('tok_ok', 'tok_ok', 'tok_declined'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('capture') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('void') }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('refund'),
      id: fc.nat(3),
      amount: fc.bigInt({ min: 1n, max: AMOUNT + 1n }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release') }) },
);
type Step = { kind: string; token?: string; id?: number; amount?: bigint };

/** What happens to a call to the provider; a process that dies before it hears the answer is a lost answer. */
const fault = fc.constantFrom('none', 'none', 'none', 'question lost', 'answer lost');

class Shop {
  readonly provider = new LedgerProvider();
  readonly store: MemoryStore;
  readonly app: PaymentsApp;
  time = 0;
  token = 'tok_ok';

  constructor(faults: readonly string[], turn: () => Promise<void>) {
    this.store = new MemoryStore(turn);
    this.app = { store: this.store, provider: this.provider, now: () => new Date(this.time++) };
    let calls = 0;
    const lost = new Map<unknown, boolean>();
    this.provider.before = async (_, call) => {
      const fate = faults[calls++] ?? 'none';
      await turn();
      if (fate === 'question lost') throw new ProviderTimeout();
      lost.set(call, fate === 'answer lost');
    };
    this.provider.after = async (_, call) => {
      await turn();
      if (lost.get(call)) throw new ProviderTimeout();
    };
  }

  get payment(): Payment | undefined {
    return this.store.payments.get('p');
  }

  /** Refusals and time-outs are answers; anything else is a defect. */
  async take({ kind, token = this.token, id, amount = 1n }: Step): Promise<void> {
    try {
      if (kind === 'authorize') {
        await authorize(this.app, { paymentId: 'p', orderId: 'o', customerId: 'c', amount: GBP(AMOUNT), token });
      } else if (kind === 'capture') await capturePayment(this.app, 'p');
      else if (kind === 'void') await voidPayment(this.app, 'p');
      else if (kind === 'refund')
        await refundPayment(this.app, { paymentId: 'p', refundId: `r${id}`, amount: GBP(amount) });
      else await releaseDue(this.app);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
  }

  /** Every caller repeats what it was not told the end of, and time goes by. */
  async settle(steps: readonly Step[]): Promise<void> {
    this.provider.before = () => {};
    this.provider.after = () => {};
    if (this.payment?.status === 'pending') for (const one of steps) if (one.kind === 'authorize') await this.take(one);
    if (this.payment?.captureAttempts) await this.take({ kind: 'capture' });
    for (const { status, refundId, amount } of [...this.store.refunds.values()]) {
      if (status === 'pending') await this.take({ kind: 'refund', id: Number(refundId.slice(1)), amount });
    }
    this.time += 3_600_000;
    await this.take({ kind: 'release' });
  }

  assertSound(): void {
    const payment = this.payment;
    expect(this.provider.offences).toEqual([]);
    expect(this.store.events.map((event) => event.payment.version)).toEqual(
      this.store.events.map((_, index) => BigInt(index + 1)),
    );
    if (!payment) return;
    const refunds = [...this.store.refunds.values()];
    const sum = (status: string) =>
      refunds.reduce((total, one) => total + (one.status === status ? one.amount : 0n), 0n);
    expect(payment.version).toBe(BigInt(this.store.events.length));
    expect(payment.refunded).toBe(sum('done'));
    expect(payment.refunding).toBe(sum('pending'));
    expect(payment.refunded + payment.refunding).toBeLessThanOrEqual(payment.captured);
    expect(payment.captured).toBe(payment.status === 'captured' ? AMOUNT : 0n);
  }

  assertMoneyAgrees(): void {
    const hold = this.provider.holds.get('p:authorize');
    const expected = { authorized: 'held', captured: 'taken' } as Record<string, string>;
    const states =
      this.payment && this.payment.status in expected ? [expected[this.payment.status]] : [undefined, 'released'];
    expect(states).toContain(hold?.state);
    expect(hold?.refunded ?? 0n).toBe(this.payment?.refunded ?? 0n);
    expect(this.payment?.refunding ?? 0n).toBe(0n);
    expect(this.payment?.releaseAfter).toBeUndefined();
  }
}

describe('a payment, whatever it is asked', () => {
  it('never gives back more than it took, has gapless versions and agrees with the provider in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), fc.array(fault, { maxLength: 14 }), async (steps, faults) => {
        const shop = new Shop(faults, async () => {});
        for (const one of steps) {
          await shop.take(one);
          shop.assertSound();
        }
        await shop.settle(steps);
        shop.assertSound();
        shop.assertMoneyAgrees();
      }),
      { numRuns: 250 },
    );
  });

  it('keeps that promise when its calls are answered at the same time, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom([], [{ kind: 'authorize' }], [{ kind: 'authorize' }, { kind: 'capture' }]),
        fc.array(step, { minLength: 2, maxLength: 8 }),
        fc.array(fault, { maxLength: 8 }),
        async (scheduler, before, steps, faults) => {
          let scheduled = false;
          const turn = () => (scheduled ? scheduler.schedule(Promise.resolve()) : Promise.resolve());
          const shop = new Shop([...before.map(() => 'none'), ...faults], turn);
          for (const one of before) await shop.take(one);
          scheduled = true;
          await scheduler.waitFor(Promise.all(steps.map((one) => shop.take(one).then(() => shop.assertSound()))));
          scheduled = false;
          await shop.settle([...before, ...steps]);
          shop.assertSound();
          shop.assertMoneyAgrees();
        },
      ),
      { numRuns: 400 },
    );
  });
});
