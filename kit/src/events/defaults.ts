import { backoff } from '../store/backoff.ts';
import type { ConsumerOptions } from './bus.ts';

export const withDefaults = (options: ConsumerOptions): Required<ConsumerOptions> => ({
  maxDeliveries: 8,
  backoffMs: (deliveries) => backoff(1, 200 * 3 ** Math.min(deliveries - 1, 20), 30_000),
  handleTimeoutMs: 60_000,
  awaitVersionMs: 300_000,
  onGivenUp: () => undefined,
  ...options,
});
