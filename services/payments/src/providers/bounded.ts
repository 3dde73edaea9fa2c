import { within } from '@weft/kit/time';
import { type PaymentProvider, ProviderTimeout } from '../app/ports.ts';

/** The provider, given up with ProviderTimeout when it has not answered within `timeout` milliseconds. */
export function bounded(provider: PaymentProvider, timeout: number): PaymentProvider {
  const inTime = <T>(answer: Promise<T>): Promise<T> =>
    within(timeout, answer, () => {
      throw new ProviderTimeout();
    });
  return {
    authorize: (call) => inTime(provider.authorize(call)),
    capture: (call) => inTime(provider.capture(call)),
    void: (call) => inTime(provider.void(call)),
    refund: (call) => inTime(provider.refund(call)),
  };
}
