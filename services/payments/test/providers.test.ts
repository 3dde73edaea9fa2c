import { describe, expect, it } from '@jest/globals';
import type { PaymentProvider } from '../src/app/ports.ts';
import { bounded } from '../src/providers/bounded.ts';
import { simulator } from '../src/providers/simulator.ts';

const amount = { currencyCode: 'GBP', minorUnits: 100n };
const timeout = expect.objectContaining({ kind: 'unavailable', reason: 'PROVIDER_TIMEOUT' });

describe('the simulator', () => {
  it.each([
    ['tok_approved', [{ approved: 'sim_approved_key' }, { approved: 'sim_approved_key' }]],
    ['tok_declined', [{ declined: 'CARD_DECLINED' }, { declined: 'CARD_DECLINED' }]],
    ['tok_insufficient_funds', [{ declined: 'INSUFFICIENT_FUNDS' }, { declined: 'INSUFFICIENT_FUNDS' }]],
    ['tok_timeout_approved', ['timeout', { approved: 'sim_timeout_approved_key' }]],
    ['tok_timeout_declined', ['timeout', { declined: 'CARD_DECLINED' }]],
    ['tok_capture_timeout', [{ approved: 'sim_capture_timeout_key' }, { approved: 'sim_capture_timeout_key' }]],
    ['tok_constructor', [{ declined: 'UNKNOWN_TOKEN' }, { declined: 'UNKNOWN_TOKEN' }]],
  ])('answers %s by the table in its docstring', async (token, [first, second]) => {
    const authorize = (attempt: number) => simulator.authorize({ key: 'key', amount, token, attempt });
    if (first === 'timeout') await expect(authorize(1)).rejects.toEqual(timeout);
    else expect(await authorize(1)).toEqual(first);
    expect(await authorize(2)).toEqual(second);
    expect(await authorize(3)).toEqual(second);
  });

  it('loses the first answer to the capture of tok_capture_timeout, whatever process asks', async () => {
    const capture = (attempt: number, reference: string) =>
      simulator.capture({ key: 'key', reference, amount, attempt });
    await expect(capture(1, 'sim_capture_timeout_key')).rejects.toEqual(timeout);
    await expect(capture(2, 'sim_capture_timeout_key')).resolves.toBeUndefined();
    await expect(capture(1, 'sim_approved_key')).resolves.toBeUndefined();
  });
});

describe('a provider that does not answer', () => {
  it('is given up after its time', async () => {
    const silent = () => new Promise<never>(() => {});
    const provider: PaymentProvider = { authorize: silent, capture: silent, void: silent, refund: silent };
    const call = { key: 'key', authorizeKey: 'key', reference: 'ref', token: 'tok_x', amount, attempt: 1 };
    const { authorize, capture, void: voiding, refund } = bounded(provider, 20);
    for (const ask of [authorize, capture, voiding, refund]) await expect(ask(call)).rejects.toEqual(timeout);
  });

  it('fails with its own failure when it has one', async () => {
    const broken = () => Promise.reject(new Error('broken'));
    const provider: PaymentProvider = { authorize: broken, capture: broken, void: broken, refund: broken };
    await expect(bounded(provider, 1000).void({ key: 'key', authorizeKey: 'key' })).rejects.toThrow('broken');
  });
});
