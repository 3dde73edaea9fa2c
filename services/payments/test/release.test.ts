import { describe, expect, it } from '@jest/globals';
import { authorize } from '../src/app/authorize.ts';
import { ProviderTimeout } from '../src/app/ports.ts';
import { releaseDue } from '../src/app/release.ts';
import { voidPayment } from '../src/app/void.ts';
import { LedgerProvider, type Operation } from './ledger-provider.ts';
import { MemoryStore } from './memory-store.ts';

const wanted = {
  paymentId: 'p',
  orderId: 'o',
  customerId: 'c',
  amount: { currencyCode: 'GBP', minorUnits: 10n },
  token: 'tok_ok',
};
const lose = (operation: Operation) => (asked: Operation) => {
  if (asked === operation) throw new ProviderTimeout();
};

function shop() {
  const provider = new LedgerProvider();
  const store = new MemoryStore(async () => {});
  let time = 0;
  const app = { store, provider, now: () => new Date(time) };
  const afterAMinute = () => {
    time += 60_000;
    return releaseDue(app);
  };
  return { app, provider, store, afterAMinute };
}

describe('a hold', () => {
  it('that was made after its payment was voided, by a process that then died, is let go a minute later', async () => {
    const { app, provider, store, afterAMinute } = shop();
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    provider.before = async (operation) => {
      if (operation !== 'authorize') return;
      reached.resolve();
      await goOn.promise;
    };
    provider.after = lose('authorize');
    const late = authorize(app, wanted);
    await reached.promise;
    expect((await voidPayment(app, 'p')).status).toBe('voided');
    goOn.resolve();
    await expect(late).rejects.toThrow(ProviderTimeout);
    expect(provider.holds.get('p:authorize')?.state).toBe('held');
    await releaseDue(app);
    expect(provider.holds.get('p:authorize')?.state).toBe('held');
    await afterAMinute();
    expect(provider.holds.get('p:authorize')?.state).toBe('released');
    expect(store.payments.get('p')?.releaseAfter).toBeUndefined();
  });

  it('whose release the provider did not answer is let go when Void is repeated', async () => {
    const { app, provider, store } = shop();
    await authorize(app, wanted);
    provider.before = lose('void');
    await expect(voidPayment(app, 'p')).rejects.toThrow(ProviderTimeout);
    expect(store.payments.get('p')?.status).toBe('voided');
    provider.before = () => {};
    expect((await voidPayment(app, 'p')).version).toBe(2n);
    expect(provider.holds.get('p:authorize')?.state).toBe('released');
    expect(store.payments.get('p')?.releaseAfter).toBeUndefined();
  });

  it('is tried again when its late release fails, one after the other', async () => {
    const { app, provider, store, afterAMinute } = shop();
    await authorize(app, wanted);
    provider.before = lose('void');
    await expect(voidPayment(app, 'p')).rejects.toThrow(ProviderTimeout);
    await expect(afterAMinute()).rejects.toThrow(ProviderTimeout);
    provider.before = () => {};
    await releaseDue(app);
    expect(provider.holds.get('p:authorize')?.state).toBe('held');
    await afterAMinute();
    expect(provider.holds.get('p:authorize')?.state).toBe('released');
    expect(store.payments.get('p')?.releaseAfter).toBeUndefined();
  });

  it('is not asked for when nothing can be held', async () => {
    const { app, provider, afterAMinute } = shop();
    await voidPayment(app, 'p');
    await voidPayment(app, 'p');
    await afterAMinute();
    expect(provider.asked).toEqual([]);
  });
});
