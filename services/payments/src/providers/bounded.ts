import { type PaymentProvider, ProviderTimeout } from '../app/ports.ts';

/** The provider, given up with ProviderTimeout when it has not answered within `timeout` milliseconds. */
export function bounded(provider: PaymentProvider, timeout: number): PaymentProvider {
  const within = async <T>(answer: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ProviderTimeout()), timeout);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    authorize: (call) => within(provider.authorize(call)),
    capture: (call) => within(provider.capture(call)),
    void: (call) => within(provider.void(call)),
    refund: (call) => within(provider.refund(call)),
  };
}
